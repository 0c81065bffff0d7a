"""The blocks of Inception v3, and how much training changed them."""

import keras
import pytest

from helpers.network import blocks


def test_blocks_cover_all_layers_once(base):
    found = blocks.blocks(base)
    assert [b.name for b in found] == list(blocks.NAMES)
    covered = [i for b in found for i in range(b.first, b.last + 1)]
    assert covered == list(range(len(base.layers)))
    assert sum(b.parameters for b in found) == base.count_params()
    # Layer 249 is the first after mixed8.
    mixed8 = found[9]
    assert (mixed8.name, mixed8.last) == ("mixed8", 248)
    assert mixed8.shape == (8, 8, 1280)


def test_trainable_counts_follow_freezing(base):
    for layer in base.layers[:249]:
        layer.trainable = False
    trainable = {b.name for b in blocks.blocks(base) if b.trainable}
    assert trainable == {"mixed9", "mixed10"}


def test_only_the_changed_block_has_a_relative_change(base, capsys):
    before = base.get_weights()
    layer = base.layers[200]
    layer.set_weights([1.5 * w for w in layer.get_weights()])
    changes = blocks.relative_change(base, before)
    (inside,) = (
        b.name for b in blocks.blocks(base) if b.last >= 200 >= b.first
    )
    assert [name for name, change in changes.items() if change] == [inside]
    assert changes[inside] == pytest.approx(0.5)
    blocks.table(base, before)
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].endswith("relative change")
    assert any(row.startswith(inside) and "50.00%" in row for row in rows)
    base.set_weights(before)
    assert not any(blocks.relative_change(base, before).values())


def test_a_nested_base_or_foreign_weights_are_refused(base):
    nested = keras.Sequential([keras.Input((299, 299, 3)), base])
    with pytest.raises(ValueError, match="mixed0"):
        blocks.blocks(nested)
    with pytest.raises(ValueError, match="not those of this base"):
        blocks.relative_change(base, base.get_weights()[1:])
