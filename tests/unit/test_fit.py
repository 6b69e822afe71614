"""Memory arithmetic against the published table of the real shapes."""

from __future__ import annotations

import pytest

from proxy.workers.engine.batch import EngineError
from proxy.workers.engine.fit import Need, Pool, kv_bytes, need_of, verify_fit
from proxy.workers.engine.gguf import Header

_MIB = 1 << 20


def _gemma4(layers: int, heads: tuple[int, int], shared: int, window: int, period: int) -> Header:
    """Heads for sliding and global layers; every `period`-th layer is global."""
    pattern = tuple((i + 1) % period != 0 for i in range(layers))
    return Header(
        {
            "general.architecture": "gemma4",
            "gemma4.block_count": layers,
            "gemma4.embedding_length": 2560,
            "gemma4.attention.head_count": 8,
            "gemma4.attention.head_count_kv": tuple(heads[0] if sliding else heads[1] for sliding in pattern),
            "gemma4.attention.key_length": 512,
            "gemma4.attention.value_length": 512,
            "gemma4.attention.key_length_swa": 256,
            "gemma4.attention.value_length_swa": 256,
            "gemma4.attention.sliding_window": window,
            "gemma4.attention.sliding_window_pattern": pattern,
            "gemma4.attention.shared_kv_layers": shared,
        },
        frozenset(),
    )


def _gemma2(layers: int, heads: int, key: int) -> Header:
    return Header(
        {
            "general.architecture": "gemma2", "gemma2.block_count": layers, "gemma2.embedding_length": 2304,
            "gemma2.attention.head_count": 8, "gemma2.attention.head_count_kv": heads,
            "gemma2.attention.key_length": key, "gemma2.attention.value_length": key,
            "gemma2.attention.sliding_window": 4096,
        },
        frozenset(),
    )  # fmt: skip


_E2B = _gemma4(35, (1, 1), 20, 512, 5)
_E4B = _gemma4(42, (2, 2), 18, 512, 6)
_BIG = _gemma4(30, (8, 2), 0, 1024, 6)
_DENSE = _gemma4(60, (16, 4), 0, 1024, 6)
_DEFAULT = Pool(16_384, 512, 4, swa_full=False)


@pytest.mark.parametrize(
    ("header", "pool", "mib"),
    [
        (_E2B, Pool(8_192, 512, 1, swa_full=True), 144),
        (_E2B, Pool(8_192, 512, 1, swa_full=False), 60),
        (_E2B, Pool(32_768, 512, 1, swa_full=False), 204),
        (_E2B, _DEFAULT, 126),
        (_E4B, Pool(8_192, 512, 1, swa_full=True), 448),
        (_E4B, _DEFAULT, 356),
        (_BIG, Pool(8_192, 512, 1, swa_full=False), 460),
        (_BIG, _DEFAULT, 1_220),
        (_DENSE, _DEFAULT, 4_880),
        (_gemma2(26, 4, 256), Pool(4_096, 512, 6, swa_full=True), 416),
        (_gemma2(42, 8, 256), Pool(4_096, 512, 6, swa_full=True), 1_344),
        (_gemma2(46, 16, 128), Pool(4_096, 512, 6, swa_full=True), 1_472),
    ],
)
def test_cache_sizes_of_the_real_shapes(header: Header, pool: Pool, mib: int) -> None:
    assert kv_bytes(header, pool) == mib * _MIB


def test_needs_add_up_and_the_border_is_nine_tenths() -> None:
    need = need_of(_E2B, 3_106_736_256, _DEFAULT)
    assert need.total == 3_106_736_256 + (126 + 300 + 300) * _MIB
    assert need_of(_DENSE, 17_300_000_000, _DEFAULT).compute == 600 * _MIB
    exact = int(2 * need.total / 0.9) + 2
    verify_fit([need, need], exact)
    with pytest.raises(EngineError, match="does_not_fit"):
        verify_fit([need, need], exact - 10)
    with pytest.raises(EngineError, match="does_not_fit"):
        verify_fit([Need(0, 0, 0)], 0)


def test_a_pattern_of_the_wrong_length_is_refused() -> None:
    header = Header({**_E2B.values, "gemma4.attention.sliding_window_pattern": (True,)}, frozenset())
    with pytest.raises(EngineError, match="model_invalid"):
        kv_bytes(header, _DEFAULT)
