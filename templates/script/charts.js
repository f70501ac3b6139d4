// Turns the static charts into interactive ones as they come near the window; a chart that fails stays static.
(() => {
  "use strict";
  const source = document.getElementById("charts");
  if (!source || !window.vegaEmbed) return;
  const { config, specs } = JSON.parse(source.textContent);
  const options = { mode: "vega-lite", config, actions: false, renderer: "svg", ast: true, tooltip: { theme: "report" } };
  const draw = async (place) => {
    const made = document.createElement("div");
    made.className = "drawn";
    made.hidden = true;
    place.append(made);
    try {
      await window.vegaEmbed(made, specs[place.id], options);
      for (const child of [...place.children]) if (child !== made) child.remove();
      made.hidden = false;
      place.dataset.drawn = "yes";
    } catch (error) {
      made.remove();
      console.error(error);
    }
  };
  const places = [...document.querySelectorAll(".chart")].filter((place) => place.id in specs);
  if (!("IntersectionObserver" in window)) {
    places.forEach(draw);
    return;
  }
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watch.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "400px" });
  places.forEach((place) => watch.observe(place));
})();
