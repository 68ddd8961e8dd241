"""LoRA by hand: leave a pretrained layer as it is and learn a small correction beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from coursekit.files import whole_file


class LoRALinear(nn.Module):
    """A linear layer with a low-rank correction (Hu et al., 2022, "LoRA: Low-rank adaptation of large
    language models", ICLR).

    y = W x + b + (α / r) · B A x,   A: (r, in),   B: (out, r)
    W and b stay what they were; only A and B learn, r · (in + out) numbers in place of in · out. B starts at
    zero, so the layer's outputs before training are exactly those of `linear`. A starts uniform in
    ± 1 / √in, as in the authors' code and in peft.

    Args:
        linear: the layer to correct; it is kept and its parameters are frozen.
        rank: r.
        alpha: α. The correction is scaled by α / r, so that another rank needs no other learning rate.

    Raises:
        TypeError: when `linear` is no `nn.Linear`.
        ValueError: when the rank is below 1.
    """

    def __init__(self, linear: nn.Linear, rank: int = 8, alpha: float = 16.0) -> None:
        super().__init__()
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"LoRALinear corrects an nn.Linear, not a {type(linear).__name__}")
        if rank < 1:
            raise ValueError(f"rank={rank} must be at least 1")
        self.linear = linear.requires_grad_(False)
        self.scale = alpha / rank
        like = {"device": linear.weight.device, "dtype": linear.weight.dtype}
        bound = 1 / math.sqrt(linear.in_features)
        self.lora_a = nn.Parameter(torch.empty(rank, linear.in_features, **like).uniform_(-bound, bound))
        self.lora_b = nn.Parameter(torch.zeros(linear.out_features, rank, **like))

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return self.linear(x) + (x @ self.lora_a.T) @ self.lora_b.T * self.scale

    def merge(self) -> nn.Linear:
        """An ordinary layer with W + (α / r) · B A: the same outputs up to rounding, and no extra cost."""
        out_features, in_features = self.linear.weight.shape
        like = {"device": self.linear.weight.device, "dtype": self.linear.weight.dtype}
        merged = nn.utils.skip_init(
            nn.Linear, in_features, out_features, self.linear.bias is not None, **like
        )
        with torch.no_grad():
            merged.weight.copy_(self.linear.weight + self.scale * self.lora_b @ self.lora_a)
            if self.linear.bias is not None:
                merged.bias.copy_(self.linear.bias)
        return merged


def add_lora(
    network: nn.Module, rank: int = 8, alpha: float = 16.0, targets: Iterable[str] = ("query", "value")
) -> nn.Module:
    """Freeze a network and put a `LoRALinear` in the place of each layer with one of these names.

    The network is changed in place. A head that is attached afterwards trains as usual.

    Args:
        network: for example an encoder; one of `transformers` will do as well.
        rank, alpha: of each layer's correction.
        targets: last parts of the layers' names. Hu et al. correct the queries and values of attention.

    Returns:
        The network itself.

    Raises:
        ValueError: when no linear layer has such a name, or the network has corrections already.
    """
    if any(_layers(network)):
        raise ValueError("this network has LoRA layers already: merge_lora(network) first")
    targets = (targets,) if isinstance(targets, str) else tuple(targets)
    linear = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Linear)}
    chosen = {name: layer for name, layer in linear.items() if name.rpartition(".")[2] in targets}
    if not chosen:
        known = sorted({name.rpartition(".")[2] for name in linear})
        raise ValueError(f"targets={targets}: no linear layer is called that; there are {', '.join(known)}")
    network.requires_grad_(False)
    for name, layer in chosen.items():
        _replace(network, name, LoRALinear(layer, rank, alpha))
    return network


def merge_lora(network: nn.Module) -> nn.Module:
    """Put an ordinary layer, correction included, in the place of each `LoRALinear`; frozen as before."""
    for name, layer in list(_layers(network)):
        _replace(network, name, layer.merge().requires_grad_(False))
    return network


def save_lora(network: nn.Module, path: str | Path) -> Path:
    """Write the corrections alone, as safetensors: 4 · r · (in + out) bytes a layer, however large W is.

    Raises:
        ValueError: when the network has none.
    """
    from safetensors.torch import save_file

    adapter = lora_state(network)
    if not adapter:
        raise ValueError(f"this {type(network).__name__} has no LoRA layers to save: add_lora(network) first")
    path = Path(path)
    with whole_file(path) as draft:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in adapter.items()}, draft)
    return path


def load_lora(network: nn.Module, path: str | Path) -> nn.Module:
    """Take back what `save_lora` wrote, into a network that `add_lora` has prepared alike.

    Raises:
        ValueError: when names or shapes differ: another network, rank or targets.
    """
    from safetensors.torch import load_file

    saved, own = load_file(Path(path)), lora_state(network)
    shapes = [{name: tuple(tensor.shape) for name, tensor in state.items()} for state in (saved, own)]
    if shapes[0] != shapes[1]:
        odd = sorted(set(shapes[0].items()) ^ set(shapes[1].items()))[0]
        raise ValueError(f"{path} belongs to another network, rank or targets: {odd[0]} of shape {odd[1]}")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(saved[name])
    return network


def lora_state(network: nn.Module) -> dict[str, Tensor]:
    """The A and B of all corrected layers by name."""
    return {
        f"{name}.{part}": getattr(layer, part)
        for name, layer in _layers(network)
        for part in ("lora_a", "lora_b")
    }


def _layers(network: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    return ((name, part) for name, part in network.named_modules() if isinstance(part, LoRALinear))


def _replace(network: nn.Module, name: str, layer: nn.Module) -> None:
    owner, _, own_name = name.rpartition(".")
    setattr(network.get_submodule(owner), own_name, layer)
