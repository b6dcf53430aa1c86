"""What the search page says first: whether the goal is reached, and the numbers that matter."""

from __future__ import annotations

from bitwright.report import words
from bitwright.report.headline import CHECK, CROSS, DASH, Tile, Verdict
from bitwright.report.search_record import SearchPoint, SearchReport

__all__ = ["accuracy_words", "search_tiles", "search_verdict", "split_words"]


def search_verdict(report: SearchReport) -> Verdict:
    """The most accurate point within the limits (by validation), in one sentence, or what to do if there is none."""
    best = report.best
    if not report.points:
        return Verdict("open", "Nothing found yet", "The search has not finished a point.", DASH)
    if best is None:
        advice = "Raise a limit, allow more loss of accuracy, or search longer."
        return Verdict("bad", "No point keeps all limits", advice, CROSS)
    area = "" if best.area is None else f" in {words.count(best.area)} LUTs"
    split = " (validation)" if report.tested and best.test_accuracy is None else ""
    headline = f"{accuracy_words(best)}{split}{area}"
    limits = f" that keeps the limits ({report.goal})" if report.goal else ""
    goal = f"The most accurate point on the validation split{limits}"
    if best.verified:
        return Verdict("good", headline, f"{goal}: {best.name}. {_sentence(best.certificate)}", CHECK)
    return Verdict("open", headline, f"{goal}: {best.name}. Not verified yet.", DASH)


def search_tiles(report: SearchReport) -> list[Tile]:
    """Points, the cheapest of the front, what was saved against the largest point, and the float model."""
    sized = [point for point in report.front if point.area]
    feasible = sum(point.feasible for point in report.points)
    told = f"{feasible} keep the limits; {len(report.front)} on the front"
    found = [Tile("Points", words.count(len(report.points)), "", told)]
    if sized:
        least = sized[0]
        found.append(Tile("Smallest on the front", words.count(least.area), "LUTs", f"at {accuracy_words(least)}"))
    if len(sized) > 1:
        most = sized[-1]
        ratio = (most.area or 0) / (sized[0].area or 1)
        lost = words.points(sized[0].accuracy - most.accuracy)
        found.append(Tile("Span of the front", f"{ratio:.3g}", "× in LUTs", f"for {lost} of {report.metric}"))
    if report.baseline_accuracy is not None:
        note = f"{report.metric}, {split_words(report)}"
        found.append(Tile("Float model", words.percent(report.baseline_accuracy), "", note))
    return found


def accuracy_words(point: SearchPoint) -> str:
    """The accuracy with its binomial error where there is one: `72.31 % ± 0.11 %`."""
    error = "" if point.test_accuracy is None or point.test_error is None else f" ± {words.percent(point.test_error)}"
    return f"{words.percent(point.accuracy)}{error}"


def split_words(report: SearchReport) -> str:
    """On which samples the accuracies were evaluated."""
    split, many = ("test", report.test_samples) if report.tested else ("validation", report.validation_samples)
    return f"on the {split} split" + (f" of {words.count(many)} samples" if many is not None else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
