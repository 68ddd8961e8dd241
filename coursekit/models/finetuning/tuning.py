"""What all fine-tuned models share: the choices, the encoder they start from, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from coursekit.models.bert import Bert, BertConfig, BertEncoder, load_bert
from coursekit.models.finetuning.lora import add_lora
from coursekit.models.options import check_at_least, check_choice
from coursekit.runtime import pick_device, seeded_training
from coursekit.training import FGM, Callback, Trainer, TrainingOptions, layerwise_adamw, warmup_linear

TUNES = ("full", "frozen", "lora")


@dataclass(eq=False)
class Tuning:
    """The choices of fine-tuning.

    Args:
        checkpoint: the BERT to start from: "course", a folder, or a name on the Hugging Face hub; see
            `load_bert`.
        tune: which of the encoder's weights learn: "full" all, "frozen" none (only the head learns), "lora"
            a correction of rank `rank` to the queries and values of every block.
        rank, alpha: of LoRA, see `LoRALinear`.
        dropout: share of the hidden units dropped in training; None keeps the checkpoint's.
        warmup: share of the steps in which the rate rises; then it falls in a straight line to 0.
        layer_decay: what the rate is multiplied by from layer to layer downwards; 1 is the same for all.
        fgm: ε of adversarial training of the word embeddings, see `FGM`; 0 is off.
        augment: share of the replaceable words of each text that every epoch replaces by synonyms.
        epochs, learning_rate, weight_decay, batch_size: of training by AdamW.
        clip_norm: longest gradient, as BERT was trained; None for no limit.
        patience: epochs without improvement of `monitor` after which to stop early and go back to the best.
        monitor, mode: as in `TrainingOptions`: "loss", or what `validate` returns, and whether "min" or
            "max" of it is best.
        rng: seed of the head, the order, dropout and all that is drawn.
        progress: whether to draw a progress bar.

    Attributes:
        trained_parameters_: how many numbers were trained.
        history_: one row an epoch, as the trainer wrote it (list of dictionaries).
    """

    checkpoint: str | Path = field(default="course", kw_only=True)
    tune: str = field(default="full", kw_only=True)
    rank: int = field(default=8, kw_only=True)
    alpha: float = field(default=16.0, kw_only=True)
    dropout: float | None = field(default=None, kw_only=True)
    warmup: float = field(default=0.1, kw_only=True)
    layer_decay: float = field(default=1.0, kw_only=True)
    fgm: float = field(default=0.0, kw_only=True)
    augment: float = field(default=0.0, kw_only=True)
    epochs: int = field(default=3, kw_only=True)
    learning_rate: float = field(default=5e-4, kw_only=True)
    weight_decay: float = field(default=0.01, kw_only=True)
    batch_size: int = field(default=32, kw_only=True)
    clip_norm: float | None = field(default=1.0, kw_only=True)
    patience: int | None = field(default=None, kw_only=True)
    monitor: str = field(default="loss", kw_only=True)
    mode: str | None = field(default=None, kw_only=True)
    rng: int = field(default=0, kw_only=True)
    progress: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_choice(self, TUNES, tune=self.tune)
        check_at_least(self, 0, augment=self.augment, fgm=self.fgm)
        check_at_least(self, 1, batch_size=self.batch_size, epochs=self.epochs)
        if isinstance(self.checkpoint, Path):
            self.checkpoint = str(self.checkpoint)  # JSON knows no paths

    def _load(self) -> Bert:
        """The checkpoint, on the CPU, with the dropout wanted; notes its sizes."""
        bert = load_bert(self.checkpoint, device="cpu")
        config = bert.config
        if config.padding:
            raise ValueError(f"{self.checkpoint} pads with id {config.padding}; only 0, BERT's, can be used")
        if self.dropout is not None:
            config = replace(config, dropout=self.dropout, attention_dropout=self.dropout)
        self.config_ = config.to_transformers()
        return Bert(_copied(bert.encoder, config), bert.tokenizer)

    def _tuned(self, encoder: BertEncoder) -> BertEncoder:
        """The encoder with those weights set free to learn that `tune` names."""
        if self.tune == "lora":
            add_lora(encoder, self.rank, self.alpha)
        elif self.tune == "frozen":
            encoder.requires_grad_(False)
        return encoder

    def _train(
        self,
        make: Callable[[], nn.Module],
        batches: Iterable[Any],
        validate: Callable[[nn.Module], Any] | None,
    ) -> None:
        """Make the network on the device, from the seed, and train it on one thread of a CPU."""
        device = pick_device(self.device)
        with seeded_training(self.rng, device):
            self.network_ = make().to(device).eval()
            self.trained_parameters_ = count_trained(self.network_)
            self.history_ = []
            if len(batches):
                trainer = Trainer(self._options(len(batches), device), self._callbacks())
                trainer.fit(self.network_, batches, validate)
                self.history_ = trainer.history.to_dict("records")

    def _options(self, n_batches: int, device: torch.device) -> TrainingOptions:
        return TrainingOptions(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            optimizer=self._layered if self.layer_decay != 1 else torch.optim.AdamW,
            scheduler=warmup_linear(self.epochs * n_batches, self.warmup),
            clip_norm=self.clip_norm,
            patience=self.patience,
            monitor=self.monitor,
            mode=self.mode,
            device=device,
            precision="float32",
            seed=None,  # seeded already, without touching the reader's own random numbers
            progress=self.progress,
        )

    def _layered(self, parameters: Iterable[torch.Tensor], **options: float) -> Optimizer:
        return layerwise_adamw(self.network_, self.layer_decay, "encoder.blocks")(parameters, **options)

    def _callbacks(self) -> list[Callback]:
        return [FGM(self.fgm, "encoder.words")] if self.fgm else []

    def _trained_state(self, prefix: str) -> dict[str, np.ndarray]:
        """What the checkpoint does not hold: the trained weights, by name with this prefix."""
        trained = ((name, p) for name, p in self.network_.named_parameters() if p.requires_grad)
        return {prefix + name: p.detach().cpu().numpy() for name, p in trained}

    def _take_trained_state(self, network: nn.Module, state: dict[str, np.ndarray], prefix: str) -> None:
        """Take a network as made before training, and what `_trained_state` gave."""
        own = {prefix + name: p for name, p in network.named_parameters() if p.requires_grad}
        if set(own) != set(state):
            odd = ", ".join(sorted(set(own) ^ set(state))[:3])
            raise ValueError(f"the saved weights do not fit tune={self.tune!r} and this checkpoint: {odd}")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.as_tensor(state[name]))
        self.network_ = network.to(pick_device(self.device)).eval()

    def _encoder_again(self) -> BertEncoder:
        """The encoder as it was before training: from the checkpoint, unless all its weights are saved."""
        config = BertConfig.from_transformers(self.config_)
        with torch.random.fork_rng(devices=[]):
            encoder = BertEncoder(config) if self.tune == "full" else self._load().encoder
            return self._tuned(encoder)


def _copied(encoder: BertEncoder, config: BertConfig) -> BertEncoder:
    with torch.random.fork_rng(devices=[]):
        copy = BertEncoder(config)
    copy.load_state_dict(encoder.state_dict())
    return copy.eval()


def count_trained(network: nn.Module) -> int:
    """How many numbers of the network learn."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
