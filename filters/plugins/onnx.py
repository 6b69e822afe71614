"""Running a plug-in's ONNX file and its tokenizer: one thread, bytes in, every surprise a refusal without text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from filters.faults import AnalystFault
from filters.plugins import PluginRefused

__all__ = ["Runner", "make_tokenizer"]


class Runner:
    """A session, with the inputs it wants."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._inputs = {i.name: i.type for i in session.get_inputs()}

    @classmethod
    def load(cls, files: Mapping[str, bytes], plugin: str, *, needs: set[str], offers: set[str]) -> Runner:
        """Build from `model.onnx`; its inputs hold `needs` and nothing beyond `offers`. Raises PluginRefused."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(files["model.onnx"], options, providers=["CPUExecutionProvider"])
        except KeyError:
            raise PluginRefused(f"{plugin}: there is no model.onnx") from None
        except Exception:  # noqa: BLE001 - foreign border: one sentence for every way a model can be broken
            raise PluginRefused(f"{plugin}: onnxruntime cannot load model.onnx") from None
        runner = cls(session)
        if not needs <= set(runner._inputs) <= needs | offers:
            raise PluginRefused(f"{plugin}: model.onnx does not have the inputs {', '.join(sorted(needs))}")
        return runner

    def run(self, inputs: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
        """Return the first output. Raises AnalystFault when it fails, has another shape, or holds no numbers."""
        wanted = {name: _typed(inputs[name], kind) for name, kind in self._inputs.items()}
        try:
            out = self._session.run(None, wanted)[0]
        except Exception:  # noqa: BLE001 - foreign border: the message could quote the input
            raise AnalystFault("analyst_fault") from None
        if out.shape != shape or not np.isfinite(out).all():
            raise AnalystFault("analyst_fault")
        return out


def _typed(array: Any, kind: str) -> Any:
    if kind == "tensor(bool)":
        return array.astype(np.bool_)
    return array.astype(np.int32 if kind == "tensor(int32)" else np.int64)


def make_tokenizer(files: Mapping[str, bytes], plugin: str) -> Any:
    """Build from `tokenizer.json`, without cutting or filling. Raises PluginRefused."""
    try:
        tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode("utf-8"))
    except Exception:  # noqa: BLE001 - the library raises bare Exception
        raise PluginRefused(f"{plugin}: tokenizer.json is missing or no tokenizer of the tokenizers package") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
