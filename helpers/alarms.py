"""What an alarm is worth, where defects are as rare as they are."""

from helpers import measure

RARE = (0.5, 0.05, 0.005)  # shares of defective parts


def report(named, labels, good):
    """Print how many defects raise an alarm, and which alarms are true.

    An alarm is any answer but `good`. How many defective and good parts
    raise one is counted; which share of the alarms is true, the precision,
    follows from both by Bayes' theorem for any share of defective parts.
    Its range takes both rates at the bad ends of their intervals, and at
    the good ends.

    Args:
        named: what a model said, whole numbers (n,).
        labels: the true classes, whole numbers (n,), good ones among them
            and others.
        good: the number of the class that may pass.
    """
    defective, alarm = labels != good, named != good
    caught = measure.accuracy(alarm[defective])
    false = measure.accuracy(alarm[~defective])
    print(f"defects that raise an alarm {caught.counted}")
    print(f"good parts that raise one   {false.counted}")
    for rare in RARE:
        middle = precision(rare, caught.share, false.share)
        low = precision(rare, caught.low, false.high)
        high = precision(rare, caught.high, false.low)
        print(
            f"{rare:.1%} defective: {middle:.0%} of the alarms are true "
            f"({low:.0%} to {high:.0%})"
        )


def precision(rare, caught, false):
    """Return which share of the alarms is true, by Bayes' theorem.

    Args:
        rare: the share of defective parts, 0-1.
        caught: which share of these raises an alarm, 0-1.
        false: which share of the good ones does, 0-1.

    Returns:
        A share, 0-1; 0 if there is no alarm at all.
    """
    true = rare * caught
    every = true + (1 - rare) * false
    return true / every if every else 0.0
