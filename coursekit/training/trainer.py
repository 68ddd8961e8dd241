"""The loop. It knows no model and no data, only `model.loss(batch)` and something to iterate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn
from tqdm.auto import tqdm

from coursekit.runtime import autocast_dtype, denormals_as_zero, pick_device, seed_everything
from coursekit.training import randomness, resuming
from coursekit.training.batches import batch_size, n_batches
from coursekit.training.callbacks import Callback
from coursekit.training.checks import OWN_COLUMNS, Validate, check_inputs, validated
from coursekit.training.gradients import accumulate_gradients
from coursekit.training.interrupts import unbroken
from coursekit.training.options import TrainingOptions
from coursekit.training.state import TrainingState


class Trainer:
    """Trains any torch module that has `loss(batch) -> () tensor`, the mean over the batch's examples.

    Args:
        options: every choice, see `TrainingOptions`.
        callbacks: what else happens at which moment, see `Callback`; called in this order.
        weigh: how much a batch counts beside the others of an accumulated step and in the epoch's loss: by
            default its number of examples. For a loss that is a mean over something else (unmasked tokens),
            give the number of those.

    Attributes:
        state: the `TrainingState` of the last or running `fit`, usable after Ctrl-C or an error too.

    Example:
        >>> trainer = Trainer(TrainingOptions(epochs=5, learning_rate=0.01))
        >>> history = trainer.fit(model, DataLoader(dataset, 256, shuffle=True))  # doctest: +SKIP
    """

    def __init__(
        self,
        options: TrainingOptions | None = None,
        callbacks: Sequence[Callback] = (),
        *,
        weigh: Callable[[Any], float] = batch_size,
    ) -> None:
        self.options = options or TrainingOptions()
        self.callbacks = tuple(callbacks)
        self.weigh = weigh
        self.state: TrainingState | None = None
        self._whole = True  # False while a step is half done

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch: epoch, loss, what `validate` returned, learning_rate, batches, seconds.

        An epoch that was broken off has a last row of its own, without validation.
        """
        if self.state is None:
            return pd.DataFrame(columns=list(OWN_COLUMNS))
        rows = list(self.state.rows)
        if self.state.batch and self.state.weight_sum:
            rows.append(self._row(self.state, {}))
        return pd.DataFrame(rows, columns=None if rows else list(OWN_COLUMNS))

    def fit(
        self,
        model: nn.Module,
        batches: Iterable[Any],
        validate: Validate | None = None,
        *,
        resume: bool | str | Path = False,
    ) -> pd.DataFrame:
        """Train the model in place and return the history.

        Ctrl-C (the stop button of a notebook) ends training after the running step: the checkpoint is written
        and the history returned. Model and history stay usable after an error, too.

        Args:
            model: moved to the device, trained, and left there in evaluation mode.
            batches: iterated once an epoch; batches may be nests of tensors. A DataLoader, a list, or an own
                class whose random choices come from the global generators, from `self.rng` or
                `self.generator`: then a resumed run sees the same batches in the same order.
            validate: called after every epoch with the model in evaluation mode, without gradients; returns
                a number (column "validation") or several by name.
            resume: True continues from `options.checkpoint` where that file exists and begins anew otherwise;
                a path must exist. On the CPU the resumed run equals the uninterrupted one bit for bit.

        Raises:
            TypeError: when the model has no `loss`, or it returns no () tensor.
            ValueError: when there are no batches, or the checkpoint belongs to other data or options.
            FloatingPointError: when a loss is NaN or infinite; names the step and what helps.
        """
        check_inputs(model, batches, self.options.epochs)
        self._begin(model, batches, resume)
        state = self.state
        with self._bar(batches) as bar:
            try:
                self._emit("on_start")
                while state.stop_reason is None and state.epoch < self.options.epochs:
                    self._epoch(batches, validate, bar)
            except KeyboardInterrupt:
                self._interrupted(batches)
            finally:
                self._end()
        return self.history

    # --- beginning and end -------------------------------------------------------------------------------

    def _begin(self, model: nn.Module, batches: Iterable[Any], resume: bool | str | Path) -> None:
        options = self.options
        device = pick_device(options.device)
        model.to(device)
        parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = options.optimizer(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)
        scheduler = options.scheduler(optimizer) if options.scheduler else None
        dtype = autocast_dtype(device, options.precision)
        # Only float16 is so narrow that small gradients vanish without scaling.
        scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
        self.state = TrainingState(model, optimizer, scheduler, scaler, device, dtype)
        self._whole, self._started = True, time.perf_counter()
        if options.seed is not None:
            seed_everything(options.seed)
        path = options.checkpoint if isinstance(resume, bool) else resume
        if resume is True and path is None:
            raise ValueError(
                "resume=True needs to know the file: TrainingOptions(checkpoint='runs/model.pt')"
            )
        if resume is not False and (resume is not True or Path(path).exists()):
            resuming.load(self.state, Path(path), options, self.callbacks, batches)
            self._stop_if_out_of_patience()

    def _interrupted(self, batches: Iterable[Any]) -> None:
        state = self.state
        state.stop("interrupted")
        state.read_losses(self._explain)
        if self._whole and self.options.checkpoint is not None:
            self._save(batches)
        print(f"Stopped by hand after step {state.step}; the model and the history so far are kept.")

    def _end(self) -> None:
        state = self.state
        state.optimizer.zero_grad(set_to_none=True)
        if state.best.parameters is not None:
            state.model.load_state_dict(state.best.parameters)
        state.model.eval()
        self._emit("on_end")

    def _bar(self, batches: Iterable[Any]) -> tqdm:
        n = n_batches(batches)
        total = None if n is None else n * self.options.epochs
        done = sum(int(row["batches"]) for row in self.state.rows) + self.state.batch
        return tqdm(total=total, initial=done, unit="batch", disable=not self.options.progress)

    def _emit(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.state)

    # --- one epoch -----------------------------------------------------------------------------------------

    def _epoch(self, batches: Iterable[Any], validate: Validate | None, bar: tqdm) -> None:
        state, options = self.state, self.options
        bar.set_description(f"epoch {state.epoch + 1}/{options.epochs}", refresh=False)
        state.model.train()
        iterator = self._iterate(batches)
        self._started = time.perf_counter()
        with denormals_as_zero():
            while state.stop_reason is None:
                with unbroken():
                    group = list(islice(iterator, options.accumulate))
                    if group:
                        self._step(group)
                if not group:
                    break
                bar.update(len(group))
                self._after_step(batches, bar)
        self._read(bar)
        if state.stop_reason is None:
            self._end_of_epoch(batches, validate)

    def _iterate(self, batches: Iterable[Any]) -> Iterator[Any]:
        """An epoch's batches, those done before an interruption left out."""
        state = self.state
        if state.random_at_epoch_start is None:
            if state.random_now is not None:
                randomness.restore_global_state(state.random_now)
            state.random_at_epoch_start = {
                "global": randomness.global_state(),
                "data": randomness.data_state(batches),
            }
        else:
            randomness.restore_global_state(state.random_at_epoch_start["global"])
            randomness.restore_data_state(batches, state.random_at_epoch_start["data"])
        self._emit("on_epoch_start")
        iterator = iter(batches)
        if state.batch:
            # The order of the epoch is drawn anew; at the old place in it, go on with the numbers of then.
            skipped = sum(1 for _ in islice(iterator, state.batch))
            if skipped < state.batch:
                raise ValueError(f"the checkpoint stands after batch {state.batch}; there are only {skipped}")
            randomness.restore_global_state(state.random_now)
        state.random_now = None
        return iterator

    def _end_of_epoch(self, batches: Iterable[Any], validate: Validate | None) -> None:
        state, options = self.state, self.options
        if not state.weight_sum:
            raise ValueError(f"epoch {state.epoch + 1} had no batches: is the data empty or used up?")
        # Should validation be interrupted, the checkpoint must not hold what it has drawn.
        state.random_now = randomness.global_state()
        row = self._row(state, validated(validate, state.model))
        with unbroken():
            state.random_now = state.random_at_epoch_start = None
            state.rows.append(row)
            state.epoch, state.batch, state.loss_sum, state.weight_sum = state.epoch + 1, 0, 0.0, 0.0
            if options.patience is not None:
                self._watch(row)
        self._emit("on_epoch_end")
        if options.checkpoint is not None:
            self._save(batches)

    def _row(self, state: TrainingState, validation: Mapping[str, float]) -> dict[str, float]:
        return {
            "epoch": state.epoch + 1,
            "loss": state.loss_sum / state.weight_sum,
            **validation,
            "learning_rate": float(state.optimizer.param_groups[0]["lr"]),
            "batches": state.batch,
            "seconds": round(time.perf_counter() - self._started, 3),
        }

    def _watch(self, row: dict[str, float]) -> None:
        state, options = self.state, self.options
        if options.monitor not in row:
            raise KeyError(f"there is no {options.monitor!r} to monitor; the history has {list(row)}")
        state.best.update(row[options.monitor], state.epoch, state.model, options.mode or "min")
        self._stop_if_out_of_patience()

    def _stop_if_out_of_patience(self) -> None:
        best, patience = self.state.best, self.options.patience
        if patience is not None and best.waited >= patience:
            self.state.stop(f"no better {self.options.monitor} for {best.waited} epochs")

    # --- one optimiser step ------------------------------------------------------------------------------

    def _step(self, group: list[Any]) -> None:
        state = self.state
        self._whole = False
        state.group = group
        state.weights = [float(self.weigh(batch)) for batch in group]
        loss = accumulate_gradients(state)
        state.scaler.unscale_(state.optimizer)
        self._emit("on_gradients")
        if self.options.clip_norm is not None:
            nn.utils.clip_grad_norm_(state.model.parameters(), self.options.clip_norm)
        self._update()
        state.batch += len(group)
        state.step += 1
        state.record(loss, sum(state.weights))
        self._whole = True

    def _update(self) -> None:
        state = self.state
        scale = state.scaler.get_scale() if state.scheduler else 0.0
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.optimizer.zero_grad(set_to_none=True)
        # A scaler leaves a step out when float16 overflowed, and halves its scale; the rate then waits, too.
        if state.scheduler and state.scaler.get_scale() >= scale:
            state.scheduler.step()

    def _after_step(self, batches: Iterable[Any], bar: tqdm) -> None:
        state, options = self.state, self.options
        if state.step % options.read_loss_every == 0:
            self._read(bar)
        self._emit("on_step")
        if options.checkpoint_every and state.step % options.checkpoint_every == 0:
            self._save(batches)

    def _read(self, bar: tqdm) -> None:
        last = self.state.read_losses(self._explain)
        if last is not None:
            bar.set_postfix(loss=f"{last:.4g}", refresh=False)

    def _explain(self, event: str) -> str:
        options = self.options
        return (
            f"{event}. What helps, in this order: look for NaN or infinite numbers in that batch; "
            f"lower learning_rate (now {options.learning_rate:g}); "
            f"clip gradients with clip_norm=1.0 (now {options.clip_norm}); "
            f"precision='float32' (now {options.precision!r})."
        )

    def _save(self, batches: Iterable[Any]) -> None:
        # A model whose loss is NaN is not worth keeping in the place of an older one.
        self.state.read_losses(self._explain)
        resuming.save(self.state, Path(self.options.checkpoint), self.options, self.callbacks, batches)
