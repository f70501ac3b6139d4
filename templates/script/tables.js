// Makes the tables sortable: ascending, descending, then as they were. Groups of rows stay together and in order.
(() => {
  "use strict";
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  // Commas between thousands would end a number for the collator.
  const textOf = (cell) => cell.textContent.trim().replace(/(\d),(?=\d{3}(?!\d))/g, "$1");
  const isNothing = (cell) => ["", "\u2013"].includes(cell.textContent.trim());
  // The unrounded number, else the text; what is undefined, and text among numbers, stays last either way.
  const keyOf = (cell, numbers) => {
    if (numbers) return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    return isNothing(cell) ? null : textOf(cell);
  };
  const compare = (a, b, numbers, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (numbers ? a - b : words.compare(a, b));
  };
  const arrange = (bodies, column, direction) => {
    const numbers = bodies.some(({ rows }) => rows.some((row) => row.cells[column].dataset.value !== undefined));
    const sign = direction === "descending" ? -1 : 1;
    for (const { body, rows } of bodies) {
      const keyed = rows.map((row) => ({ row, key: keyOf(row.cells[column], numbers) }));
      // Array.sort is stable, and begins with the original order: what the headers say is all that decides.
      if (direction !== "none") keyed.sort((a, b) => compare(a.key, b.key, numbers, sign));
      body.append(...keyed.map(({ row }) => row));
    }
  };
  for (const table of document.querySelectorAll(".table-block table")) {
    const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const bodies = [...table.tBodies].map((body) => {
      return { body, rows: [...body.rows].filter((row) => !row.classList.contains("group")) };
    });
    if (!bodies.some(({ rows }) => rows.length > 1)) continue;
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...header.childNodes);
      header.append(button);
      header.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const direction = NEXT[header.getAttribute("aria-sort")];
        for (const each of headers) each.setAttribute("aria-sort", each === header ? direction : "none");
        arrange(bodies, column, direction);
      });
    });
  }
})();
