"""What the measures that a run records mean: an entry for each name in generations.parquet and timing.parquet.

Measures of the language stand with their functions in language/; here are those of everything else, and which function
stands behind a recorded name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    "fitness_mean": Entry("Mean raw fitness of the population: the mean reward of its worlds, half for guiding and half for building.", "reward", "that of the scenario's rewards", "", "if nobody has one"),
    "fitness_best": Entry("Raw fitness of the best boxling.", "reward", "that of the scenario's rewards", "", "if nobody has one"),
    "fitness_worst": Entry("Raw fitness of the worst boxling.", "reward", "that of the scenario's rewards", "", "if nobody has one"),
    "fitness_not_finite": Entry("Boxlings whose fitness is no number, as their genome is none; they go first.", "boxlings", "0 to the population"),
    "success": Entry("Worlds of trained goals that were solved in this generation.", _WORLDS, "0 to 1", "`chance`"),
    "success_muted": Entry("The same population and goals with nobody hearing anything: what is left is not due to words.", _WORLDS, "0 to 1", "at most `chance`", f"{_FULL}, and {_TALK}"),
    "success_shuffled": Entry("The same, where everybody hears what was said in another world: words without their meaning.", _WORLDS, "0 to 1", "about `chance` or below", f"{_FULL}, and {_TALK}"),
    "success_held_out": Entry("Worlds solved whose goals were never trained on, each single value of which was.", _WORLDS, "0 to 1", "`chance`", f"{_FULL}, and where nothing can be held out"),
    "chance": Entry("What the best policy without talk could solve of the trained worlds.", _WORLDS, "0 to 1", "", _TALK),
    "understanding": Entry("Worlds in which at the end every builder's world model named every attribute of the goal.", _WORLDS, "0 to 1", "one over the number of goals", _TALK),
    "understanding_held_out": Entry("The same for goals that were never trained on.", _WORLDS, "0 to 1", "one over the number of goals", f"{_FULL}, and {_TALK}"),
    "first_words_understood": Entry("Trained meanings of which others name every attribute after hearing the first message about it.", "share of meanings and pairs", "0 to 1", "one over the number of meanings", f"{_FULL}, and {_TALK}"),
    "first_words_understood_held_out": Entry("The same for meanings that were never trained on.", "share of meanings and pairs", "0 to 1", "one over the number of meanings", f"{_FULL}, and {_TALK}"),
    "symbols_in_use": Entry("How many symbols are in effective use at a place of a message: 2 to the power of their entropy.", "symbols", "1 to the number of symbols", "", f"{_FULL}, and {_TALK}", "effective_symbols"),
    "message_length": Entry("Symbols of a message before its end.", "symbols", "0 to the longest", "", f"{_FULL}, and {_TALK}", "message_lengths"),
    r"expert_use/\w+/\w+": Entry("Tokens of this kind (what is seen, heard, told of the goal, felt of the body) that the gate gave to this expert.", "share of tokens", "0 to 1; over the experts it adds up to 1", "one over the number of experts, for all but vision", "where there were no such tokens"),
    "expert_load_entropy": Entry("How evenly the experts besides the visual one are used, by words and body.", "bits", "0 (one does all) to log2 of their number"),
    "visual_calls": Entry("Calls of the visual expert; it runs on pictures alone, and not at all where there are none.", "calls", "0 or more"),
    "visual_tokens": Entry("Pictures that it looked at.", "pictures", "0 or more"),
    "eliminated": Entry("Boxlings that made place for children at the end of the generation.", "boxlings", "0 to the population", "", "in the last generation, after which nobody is born"),
    "newborns": Entry("Of the births those that have to learn the language.", "boxlings", "0 to `eliminated`", "", "in the last generation"),
    "elite_fitness_before": Entry("Mean fitness of the elites as they were judged first (`--revalidated-elites`).", "reward", "that of the scenario's rewards", "", "without that option"),
    "elite_fitness_after": Entry("Mean fitness of the same when judged again by fresh worlds and partners: what falls was luck.", "reward", "that of the scenario's rewards", "", "without that option"),
    "archive_cells_filled": Entry("Ways to behave of which an elite is known (`--strategy map-elites`).", "cells", "0 to archive_cells squared", "", "with other strategies"),
    "archive_fitness_mean": Entry("Mean fitness of these elites when they came.", "reward", "that of the scenario's rewards", "", "with other strategies"),
    r"gene/\w+": Entry("Mean of an inherited gene over the population (`--genes`).", "that of the option of its name", "0 or more", "", "without that option"),
    "genes_clipped": Entry("Genes of children that left their range and were put back to its end.", "genes", "0 or more", "", "without `--genes`"),
    "loss_language": Entry("Surprise of listeners at the meaning, in language rounds.", "nats per meaning", "0 or more", "log of the number of meanings", "where nobody talks or learns"),
    r"loss_(policy|value|entropy|belief|edit|imitation)": Entry("A part of the loss in acting rounds: of acts by their reward, of the value foreseen, of the evenness of acts, of the world model's surprise at the goal and at what changed, of acts against the simulator's advice.", "nats, or squared reward", "any", "", "without acting rounds; 0 where it has no weight"),
    "loss_elites": Entry("How far those who learn from elites are from what these do.", "nats", "0 or more", "", "without `--learn-from elites`"),
    "loss_distil": Entry("How far children are from what both their parents do, after learning it.", "nats", "0 or more", "", "without `--crossover distil`"),
    "wall_seconds": Entry("Time that the generation took.", "seconds", "above 0"),
    "cpu_seconds": Entry("CPU time that it took, of all threads.", "seconds", "above 0"),
    "agent_steps": Entry("Steps of agents that were lived in it, to be judged by and to learn from.", "agent-steps", "0 or more"),
    "agent_steps_per_second": Entry("The same by time.", "agent-steps per second", "0 or more"),
}  # fmt: skip


def entry_of(name: str) -> Entry | None:
    """The entry of a recorded name, those of the language included; None for a name that nobody records.

    >>> entry_of("expert_use/heard/expert_0").unit, entry_of("agreement").function, entry_of("happiness")
    ('share of tokens', 'agreement', None)
    """
    for pattern, entry in CATALOGUE.items():
        if re.fullmatch(pattern, name):
            return entry
    function = getattr(measures, name, None)
    if name in measures.__all__ and callable(function):
        first = (function.__doc__ or "").strip().split("\n\n")[0]
        return Entry(" ".join(first.split()), "see there", "see there", "", f"{_FULL}, and {_TALK}", name)
    return None
