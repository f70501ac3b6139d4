"""Results with one number, for commands that need some."""

from __future__ import annotations

from analysis.summary import Estimate, Provenance, StudyCard, Summary, TestSetCard, VariantCard


def made_up_results() -> Summary:
    """The accuracy of one variant on one test set."""
    row = Estimate(
        quantity="accuracy",
        variant="baseline",
        test_set="test",
        path="none",
        estimate=0.9,
        low=0.88,
        high=0.92,
        df=5.0,
        n_seeds=3,
        n_images=20,
    )
    return Summary(
        confidence=0.95,
        study=StudyCard(
            name="s",
            title="A study",
            question="What is it?",
            demo=False,
            seeds=(0, 1, 2),
            baseline="baseline",
            variants=(VariantCard(name="baseline", path="none", description="as it is"),),
            test_sets=(
                TestSetCard(name="test", role="in_sample", n_real=10, n_synthetic=10, pipeline="as is", sources=()),
            ),
            study_toml="",
        ),
        provenance=Provenance(command="isitcap run s", facts=(), data_hashes=()),
        metrics=(row,),
        contrasts=(),
        dispersion=(),
        dispersion_contrasts=(),
        seed_values=(),
        map_counts=(),
        autoencoders=(),
        histories=(),
    )
