"""What a policy is made of: its sizes, and from them the layers of its genome."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

from population import token_experts
from population.genome import Layer, Layout
from population.token_experts import TokenExpert

NUM_TOUCHES = 4  # what can be felt of a cell nearby: empty, a body, a boxling, beyond the edge
NUM_EDIT_CLASSES = 3  # what the own act changes next: nothing, where I stand, where something else lies too


@dataclass(frozen=True)
class PolicySpec:
    """Sizes of one boxling's networks. All boxlings of a population have the same."""

    attribute_sizes: tuple[int, ...]  # number of values of each attribute of the private goal
    visible_attributes: tuple[int, ...]  # those among them that can be found in a picture
    num_actions: int
    num_looks: int  # look codes of a view
    view_shape: tuple[int, int]  # cells
    num_symbols: int  # V
    message_length: int  # L
    is_told_goal: bool = True  # guides know the goal's attributes; otherwise they see what they talk about
    width: int = 64  # D: tokens, memory streams
    num_experts: int = 2  # besides the visual one
    expert_width: int = 64
    conv_channels: int = 32  # of the visual expert's summary of the scene; 0 leaves it out
    near_cells: int = 5  # side of the square around the agent that is felt cell by cell; 0 leaves it out
    query_heads: int = 2  # questions to the picture by each belief about what is visible; 0 leaves them out
    key_width: int = 16
    has_end: bool = False  # the last symbol ends a message
    is_asked: bool = False  # what a message is about hangs on what is believed of the other's goal, too
    has_topics: bool = True  # places of a message attend to one thing in mind each; otherwise to the thought alone
    own_experts: tuple[str, ...] = ()  # names of added ones, see `population.token_experts`
    lm_width: int = 0  # numbers by which a language model describes a token; 0: there is none
    lm_is_frozen: bool = True  # they stay as they are

    def __post_init__(self) -> None:
        for name in ("num_symbols", "message_length", "width", "num_experts", "expert_width", "key_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.lm_width < 0:
            raise ValueError(f"lm_width must be 0 or more, got {self.lm_width}")
        if len(set(self.own_experts)) < len(self.own_experts) or "lm" in self.own_experts:
            raise ValueError(f"own_experts must be different names, and not lm, got {', '.join(self.own_experts)}")
        if self.num_symbols < 2:
            raise ValueError(f"num_symbols must be at least 2, got {self.num_symbols}")
        if self.has_end and self.num_symbols < 3:
            raise ValueError(f"num_symbols must be at least 3, one of which ends a message, got {self.num_symbols}")
        sees_nothing = not self.conv_channels and not self.near_cells and not self.num_query_heads
        if sees_nothing and self.num_cells > 1:
            raise ValueError("a boxling must see something: conv_channels, near_cells and query_heads are all 0")
        if not sees_nothing and self.num_cells == 1:
            raise ValueError("conv_channels, near_cells and query_heads must be 0 where there is nothing to see")
        if min(self.conv_channels, self.near_cells, self.query_heads) < 0:
            raise ValueError("conv_channels, near_cells and query_heads must be 0 or more")
        if self.near_cells > min(self.view_shape):
            raise ValueError(f"near_cells must be at most {min(self.view_shape)}, got {self.near_cells}")

    @property
    def num_query_heads(self) -> int:
        """Questions in all: some by each belief about what is visible."""
        return self.query_heads * len(self.visible_attributes)

    @property
    def num_picture_parts(self) -> int:
        """Parts of the summary of a scene that can be talked about: its rows, its columns, its patterns."""
        return 3 if self.conv_channels else 0

    @property
    def num_topics(self) -> int:
        """Things in mind that a place of a message can be about: attributes told, parts of the picture, the thought."""
        if not self.has_topics:
            return 1
        return (len(self.attribute_sizes) if self.is_told_goal else 0) + self.num_picture_parts + 1

    @property
    def num_body_states(self) -> int:
        """What a boxling can feel of itself: last act x whether it moved x role."""
        return self.num_actions * 4

    @property
    def num_tokens(self) -> int:
        """Tokens of all kinds but visual ones: words in either voice, values of goals, states of the body."""
        return 2 * self.message_length * self.num_symbols + sum(self.attribute_sizes) + self.num_body_states

    @property
    def added_experts(self) -> tuple[TokenExpert, ...]:
        """Those besides the ones that every boxling has; ValueError for a name that there is not."""
        names = (*self.own_experts, *(("lm",) if self.lm_width else ()))
        return tuple(token_experts.REGISTRY.get(name) for name in names)

    @property
    def num_cells(self) -> int:
        return self.view_shape[0] * self.view_shape[1]

    def layout(self) -> Layout:
        """The layers of one genome; the parts say what a newborn draws anew."""
        layers: list[Layer] = []

        def weight(name: str, rows: int, cols: int, part: str, gain: float = 1.0) -> None:
            layers.append(Layer(name, (rows, cols), gain / sqrt(rows), part))

        def bias(name: str, size: int, part: str) -> None:
            layers.append(Layer(name, (size,), 0.0, part))

        d, v = self.width, self.num_symbols * self.message_length
        num_values = sum(self.attribute_sizes)
        num_attributes = len(self.attribute_sizes)
        relu = sqrt(2)
        # one-hot inputs have as many ones as parts, not as rows: their spread follows the ones
        layers.append(Layer("heard", (v, d), 1 / sqrt(self.message_length), "ears"))
        layers.append(Layer("voice", (2, d), 1 / sqrt(self.message_length), "ears"))
        layers.append(Layer("goal", (num_values, d), 1 / sqrt(num_attributes), "mind"))
        layers.append(Layer("body", (self.num_actions + 4, d), 1 / sqrt(3), "mind"))
        weight("gate", d, self.num_experts, "mind")
        weight("experts.in", d, self.num_experts * self.expert_width, "mind", relu)
        bias("experts.bias", self.num_experts * self.expert_width, "mind")
        weight("experts.out", self.num_experts * self.expert_width, d, "mind", sqrt(self.num_experts))
        for expert in self.added_experts:
            layers.extend(expert.in_genome(self))
        for name in ("language", "situation"):
            weight(f"{name}.input", d, 2 * d, "mind")
            bias(f"{name}.bias", 2 * d, "mind")
        weight("belief", d, num_values, "ears")
        bias("belief.bias", num_values, "ears")
        layers.append(Layer("belief.token", (num_values, d), 1.0, "mind"))
        # eyes
        bias("eyes.bias", d, "eyes")
        if self.conv_channels:
            c = self.conv_channels
            height, width = self.view_shape
            weight("eyes.conv", 9 * (self.num_looks - 1), c, "eyes", relu * sqrt(self.num_looks - 1))
            bias("eyes.conv_bias", c, "eyes")
            weight("eyes.pattern", 4 * c, c, "eyes", relu)
            bias("eyes.pattern_bias", c, "eyes")
            for k, size in enumerate((c * height, c * width, c)):
                weight(f"eyes.part_{k}", size, d, "eyes", relu)
                bias(f"eyes.part_bias_{k}", d, "eyes")
        if self.near_cells:
            n = self.near_cells**2
            layers.append(Layer("eyes.near", (n * NUM_TOUCHES, d), 1 / sqrt(n), "eyes"))
        if self.num_query_heads:
            for k in self.visible_attributes:
                weight(f"eyes.ask_{k}", d, self.query_heads * self.key_width, "eyes")
            layers.append(Layer("eyes.look_key", (self.num_looks, self.key_width), 1.0, "eyes"))
            layers.append(Layer("eyes.place_key", (self.num_cells, self.key_width), 0.3, "eyes"))
            layers.append(Layer("eyes.place_value", (self.num_cells, self.key_width * 2), 1.0, "eyes"))
            weight("eyes.found", len(self.visible_attributes) * self.key_width * 2, d, "eyes", relu)
        # thought and outputs
        weight("think", d * (num_attributes + 1), d, "mind", relu)
        bias("think.bias", d, "mind")
        weight("decide", 2 * d, d, "mind", relu)
        bias("decide.bias", d, "mind")
        weight("say", 2 * d, v, "mouth")
        bias("say.bias", v, "mouth")
        if self.is_told_goal and self.has_topics:
            weight("say.goal", d, v, "mouth", relu)
        for k in range(self.num_picture_parts if self.has_topics else 0):
            weight(f"say.part_{k}", d, v, "mouth", relu)
        # which thing in mind each place of a message is about
        layers.append(Layer("say.about", (self.message_length, self.num_topics), 0.5, "mouth"))
        if self.is_asked and self.has_topics:
            layers.append(Layer("say.asked", (num_values, self.message_length * self.num_topics), 0.3, "mouth"))
        weight("act", d, self.num_actions, "hands", 0.1)
        bias("act.bias", self.num_actions, "hands")
        weight("value", d, 1, "mind", 0.1)
        bias("value.bias", 1, "mind")
        weight("edit", d + self.num_actions, NUM_EDIT_CLASSES, "mind")
        bias("edit.bias", NUM_EDIT_CLASSES, "mind")
        return Layout(layers)

    def to_json(self) -> dict[str, object]:
        """Plain values, for a checkpoint's config.json."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @staticmethod
    def from_json(values: dict) -> PolicySpec:
        """The inverse of `to_json`; TypeError for unknown or missing keys."""
        sizes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return PolicySpec(**sizes)
