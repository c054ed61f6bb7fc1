"""Sensitivity: how much what a boxling does, says and believes hangs on each of its weights; for safe mutations.

After SM-G of Lehman et al. 2018, https://arxiv.org/abs/1712.06563, which sums the gradient of each output over
situations (SM-G-SUM), where opposite signs cancel, or its absolute value (SM-G-ABS), one backward pass for each of
them. Departure: we take the root mean square over situations. Nothing cancels in it, and the expected change of outputs
under small independent noise is made of it. It is estimated from a few random projections of all outputs at once: with
independent random signs s, E[(s'J)^2] is the sum of squares of a column of J (Hutchinson 1990).
"""

from __future__ import annotations

import torch
from torch import Tensor

from evolution.relive import Part, relive
from population.policy import Policy


def sensitivity(
    policy: Policy, genomes: Tensor, experience: tuple[Part, ...], generator: torch.Generator, num_projections: int = 8
) -> Tensor:
    """(n, parameters): root mean square over what was lived through of the outputs' derivatives by each weight.

    Outputs are the logits of acts, of symbols and of beliefs, less their mean over what there is to choose from (a
    shift that is common to all of it changes nothing); the three count the same. `experience` has a row for each
    genome. An estimate, whose square is wrong by a share of about sqrt(2 / `num_projections`). A genome with a
    derivative that is not finite gets zeros.
    """
    if not len(genomes):
        return torch.zeros_like(genomes)
    leaf = genomes.detach().requires_grad_(True)
    outputs: list[Tensor] = []
    choices: list[list[int]] = []  # sizes of what there is to choose from, side by side in the last axis
    masks: list[Tensor] = []
    for part, beliefs, response in relive(policy, policy.weights_of(leaf), experience):
        for logits, sizes in (
            (response.act_logits, [policy.spec.num_actions]),
            (response.say_logits.flatten(2), [policy.spec.num_symbols] * policy.spec.message_length),
            (beliefs.logits, list(beliefs.sizes)),
        ):
            outputs.append(logits)
            choices.append(sizes)
            masks.append(part.is_active.unsqueeze(-1) / (3 * logits.shape[-1]) ** 0.5)
    num_active = torch.stack([part.is_active.sum(dim=1) for part in experience]).sum(dim=0)
    total = torch.zeros_like(genomes)
    for projection in range(num_projections):
        drawn = []
        for logits, sizes, mask in zip(outputs, choices, masks, strict=True):
            signs = torch.randint(2, logits.shape, generator=generator, device=logits.device).to(logits.dtype) * 2 - 1
            centred = [each - each.mean(dim=-1, keepdim=True) for each in torch.split(signs, sizes, dim=-1)]
            drawn.append(torch.cat(centred, dim=-1) * mask)
        more = projection + 1 < num_projections
        total += torch.autograd.grad(outputs, leaf, drawn, retain_graph=more)[0].square_()
    total = torch.where(torch.isfinite(total).all(dim=1, keepdim=True), total, 0.0)
    return torch.sqrt(total / num_projections / num_active.clamp_min(1).unsqueeze(1))
