"""NeuMF begins where a GMF and an MLP ended (He et al., 2017, section 3.4.1)."""

from __future__ import annotations

import torch

from coursekit.models.ncf.network import NCFNetwork


@torch.no_grad()
def fuse(network: NCFNetwork, gmf: NCFNetwork, mlp: NCFNetwork, alpha: float = 0.5) -> None:
    """Write the weights of `gmf` and `mlp` into `network`, in place.

    Embeddings and tower are copied; the output is h = [α h_gmf ; (1 - α) h_mlp] and b likewise, so the fused
    network starts with the logits α y_gmf + (1 - α) y_mlp. Weights of feature inputs, which the
    pretrained tower lacks, start at 0.

    Raises:
        ValueError: when α lies outside 0 … 1, or a shape differs; the message quotes both.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} must lie between 0 and 1")
    for name in ("users", "items"):
        table = getattr(network, name).weight
        _copy(table[:, : network.factors], getattr(gmf, name).weight, f"GMF's embeddings of {name}")
        _copy(table[:, network.factors :], getattr(mlp, name).weight, f"MLP's embeddings of {name}")
    for name in ("first_of_user", "first_of_item"):
        own, theirs = getattr(network, name), getattr(mlp, name)
        own.weight.zero_()
        _copy(own.weight[:, : theirs.in_features], theirs.weight, "first layer")
    network.first_of_user.bias.copy_(mlp.first_of_user.bias)
    if len(network.tower) != len(mlp.tower):
        raise ValueError(
            f"tower: NeuMF has {len(network.tower) + 1} layers, the pretrained MLP {len(mlp.tower) + 1}"
        )
    for own, theirs in zip(network.tower, mlp.tower, strict=True):
        _copy(own.weight, theirs.weight, "tower")
        own.bias.copy_(theirs.bias)
    h = torch.cat([alpha * gmf.output.weight, (1 - alpha) * mlp.output.weight], dim=1)
    _copy(network.output.weight, h, "output")
    network.output.bias.copy_(alpha * gmf.output.bias + (1 - alpha) * mlp.output.bias)


def _copy(target: torch.Tensor, source: torch.Tensor, what: str) -> None:
    if target.shape != source.shape:
        raise ValueError(
            f"{what}: NeuMF has the shape {tuple(target.shape)}, the pretrained models have "
            f"{tuple(source.shape)}; fit all three on the same data with the same factors and layers"
        )
    target.copy_(source)
