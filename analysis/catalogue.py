"""What the measures that a run records mean: an entry for each name in generations.parquet and timing.parquet.

Measures of the language stand with their functions in language/; here are those of everything else, and which function
stands behind a recorded name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evolution.own_measures import REGISTRY as OWN_MEASURES
from language import measures


@dataclass(frozen=True)
class Entry:
    """One recorded measure."""

    meaning: str
    unit: str
    range: str
    chance: str = ""  # what it is by chance, where that says something
    undefined: str = ""  # when it is not there, or nan
    function: str = ""  # of language.measures, where it is one


_WORLDS = "share of worlds"
_FULL = "in generations without a full measurement (`--measure-every`)"
_TALK = "where nobody guides, since nobody talks there"

# names are regular expressions: the first that matches a whole name is its entry
CATALOGUE: dict[str, Entry] = {
    "fitness_mean": Entry(
        meaning=(
            "Mean raw fitness of the population: the mean reward of its worlds, half for guiding and half for building."
        ),
        unit="reward",
        range="that of the scenario's rewards",
        undefined="if nobody has one",
    ),
    "fitness_best": Entry(
        meaning="Raw fitness of the best boxling.",
        unit="reward",
        range="that of the scenario's rewards",
        undefined="if nobody has one",
    ),
    "fitness_worst": Entry(
        meaning="Raw fitness of the worst boxling.",
        unit="reward",
        range="that of the scenario's rewards",
        undefined="if nobody has one",
    ),
    "fitness_not_finite": Entry(
        meaning="Boxlings whose fitness is no number, as their genome is none; they go first.",
        unit="boxlings",
        range="0 to the population",
    ),
    "success": Entry(
        meaning="Worlds of trained goals that were solved in this generation.",
        unit=_WORLDS,
        range="0 to 1",
        chance="`chance`",
    ),
    "success_muted": Entry(
        meaning="The same population and goals with nobody hearing anything: what is left is not due to words.",
        unit=_WORLDS,
        range="0 to 1",
        chance="at most `chance`",
        undefined=f"{_FULL}, and {_TALK}",
    ),
    "success_shuffled": Entry(
        meaning="The same, where everybody hears what was said in another world: words without their meaning.",
        unit=_WORLDS,
        range="0 to 1",
        chance="about `chance` or below",
        undefined=f"{_FULL}, and {_TALK}",
    ),
    "success_held_out": Entry(
        meaning="Worlds solved whose goals were never trained on, each single value of which was.",
        unit=_WORLDS,
        range="0 to 1",
        chance="`chance`",
        undefined=f"{_FULL}, and where nothing can be held out",
    ),
    "chance": Entry(
        meaning="What the best policy without talk could solve of the trained worlds.",
        unit=_WORLDS,
        range="0 to 1",
        undefined=_TALK,
    ),
    "understanding": Entry(
        meaning="Worlds in which at the end every builder's world model named every attribute of the goal.",
        unit=_WORLDS,
        range="0 to 1",
        chance="one over the number of goals",
        undefined=_TALK,
    ),
    "understanding_held_out": Entry(
        meaning="The same for goals that were never trained on.",
        unit=_WORLDS,
        range="0 to 1",
        chance="one over the number of goals",
        undefined=f"{_FULL}, and {_TALK}",
    ),
    "first_words_understood": Entry(
        meaning="Trained meanings of which others name every attribute after hearing the first message about it.",
        unit="share of meanings and pairs",
        range="0 to 1",
        chance="one over the number of meanings",
        undefined=f"{_FULL}, and {_TALK}",
    ),
    "first_words_understood_held_out": Entry(
        meaning="The same for meanings that were never trained on.",
        unit="share of meanings and pairs",
        range="0 to 1",
        chance="one over the number of meanings",
        undefined=f"{_FULL}, and {_TALK}",
    ),
    "symbols_in_use": Entry(
        meaning="How many symbols are in effective use at a place of a message: 2 to the power of their entropy.",
        unit="symbols",
        range="1 to the number of symbols",
        undefined=f"{_FULL}, and {_TALK}",
        function="effective_symbols",
    ),
    "message_length": Entry(
        meaning="Symbols of a message before its end.",
        unit="symbols",
        range="0 to the longest",
        undefined=f"{_FULL}, and {_TALK}",
        function="message_lengths",
    ),
    r"expert_use/\w+/\w+": Entry(
        meaning=(
            "Tokens of this kind (what is seen, heard, told of the goal, felt of the body) that the gate gave to "
            "this expert."
        ),
        unit="share of tokens",
        range="0 to 1; over the experts it adds up to 1",
        chance="one over the number of experts, for all but vision",
        undefined="where there were no such tokens",
    ),
    "expert_load_entropy": Entry(
        meaning="How evenly the experts besides the visual one are used, by words and body.",
        unit="bits",
        range="0 (one does all) to log2 of their number",
    ),
    "visual_calls": Entry(
        meaning="Calls of the visual expert; it runs on pictures alone, and not at all where there are none.",
        unit="calls",
        range="0 or more",
    ),
    "visual_tokens": Entry(
        meaning="Pictures that it looked at.",
        unit="pictures",
        range="0 or more",
    ),
    "eliminated": Entry(
        meaning="Boxlings that made place for children at the end of the generation.",
        unit="boxlings",
        range="0 to the population",
        undefined="in the last generation, after which nobody is born",
    ),
    "newborns": Entry(
        meaning="Of the births those that have to learn the language.",
        unit="boxlings",
        range="0 to `eliminated`",
        undefined="in the last generation",
    ),
    "elite_fitness_before": Entry(
        meaning="Mean fitness of the elites as they were judged first (`--revalidated-elites`).",
        unit="reward",
        range="that of the scenario's rewards",
        undefined="without that option",
    ),
    "elite_fitness_after": Entry(
        meaning="Mean fitness of the same when judged again by fresh worlds and partners: what falls was luck.",
        unit="reward",
        range="that of the scenario's rewards",
        undefined="without that option",
    ),
    "archive_cells_filled": Entry(
        meaning="Ways to behave of which an elite is known (`--strategy map-elites`).",
        unit="cells",
        range="0 to archive_cells squared",
        undefined="with other strategies",
    ),
    "archive_fitness_mean": Entry(
        meaning="Mean fitness of these elites when they came.",
        unit="reward",
        range="that of the scenario's rewards",
        undefined="with other strategies",
    ),
    r"gene/\w+": Entry(
        meaning="Mean of an inherited gene over the population (`--genes`).",
        unit="that of the option of its name",
        range="0 or more",
        undefined="without that option",
    ),
    "genes_clipped": Entry(
        meaning="Genes of children that left their range and were put back to its end.",
        unit="genes",
        range="0 or more",
        undefined="without `--genes`",
    ),
    "loss_language": Entry(
        meaning="Surprise of listeners at the meaning, in language rounds.",
        unit="nats per meaning",
        range="0 or more",
        chance="log of the number of meanings",
        undefined="where nobody talks or learns",
    ),
    r"loss_(policy|value|entropy|belief|edit|imitation)": Entry(
        meaning=(
            "A part of the loss in acting rounds: of acts by their reward, of the value foreseen, of the evenness"
            " of acts, of the world model's surprise at the goal and at what changed, of acts against the "
            "simulator's advice."
        ),
        unit="nats, or squared reward",
        range="any",
        undefined="without acting rounds; 0 where it has no weight",
    ),
    "loss_lm": Entry(
        meaning="Surprise of a language model that is a boxling at what others said, did and answered.",
        unit="nats per token",
        range="0 or more",
        undefined="without `--lm-as agent --no-lm-frozen`, and where no world was won",
    ),
    "loss_elites": Entry(
        meaning="How far those who learn from elites are from what these do.",
        unit="nats",
        range="0 or more",
        undefined="without `--learn-from elites`",
    ),
    "loss_distil": Entry(
        meaning="How far children are from what both their parents do, after learning it.",
        unit="nats",
        range="0 or more",
        undefined="without `--crossover distil`",
    ),
    "wall_seconds": Entry(
        meaning="Time that the generation took.",
        unit="seconds",
        range="above 0",
    ),
    "cpu_seconds": Entry(
        meaning="CPU time that it took, of all threads.",
        unit="seconds",
        range="above 0",
    ),
    "agent_steps": Entry(
        meaning="Steps of agents that were lived in it, to be judged by and to learn from.",
        unit="agent-steps",
        range="0 or more",
    ),
    "agent_steps_per_second": Entry(
        meaning="The same by time.",
        unit="agent-steps per second",
        range="0 or more",
    ),
}


def entry_of(name: str) -> Entry | None:
    """The entry of a recorded name, those of the language included; None for a name that nobody records.

    >>> entry_of("expert_use/heard/expert_0").unit, entry_of("agreement").function, entry_of("happiness")
    ('share of tokens', 'agreement', None)
    """
    for pattern, entry in CATALOGUE.items():
        if re.fullmatch(pattern, name):
            return entry
    if own := OWN_MEASURES.others().get(name):
        first = (own.__doc__ or "").strip().split("\n\n")[0]
        return Entry(" ".join(first.split()), "see there", "see there", "", f"{_FULL}, and {_TALK}")
    function = getattr(measures, name, None)
    if name in measures.__all__ and callable(function):
        first = (function.__doc__ or "").strip().split("\n\n")[0]
        return Entry(" ".join(first.split()), "see there", "see there", "", f"{_FULL}, and {_TALK}", name)
    return None
