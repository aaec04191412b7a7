"""Charts as SVG, without a library, a script or a request; in colours that read on white and on black."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from html import escape

from threadline_ops.health.look import Health, Point

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 460, 180, 60, 24, 28
_BLUE, _GREY, _RED = "#3b82c4", "#858d99", "#d2545b"
_STATUS = {"OK": "#3f9a5c", "Issue": _RED, "Not run": _BLUE, "N/A": _GREY}


def growth(health: Health) -> str:
    """The audit tables' size as examinations saw it, and where it will be in a month at the last day's rate."""
    points = list(health.growth)
    if health.space is not None:
        points.append(Point(health.as_of, float(health.space.bytes)))
    if not points:
        return ""
    last = points[-1]
    ahead = [last]
    if health.space is not None and health.space.bytes_per_day:
        ahead.append(Point(last.at + timedelta(days=30), last.value + 30.0 * health.space.bytes_per_day))
    budget = health.space.budget_bytes if health.space else None
    limit = float(budget) if budget is not None and budget < 4 * ahead[-1].value else None
    place = _Place([*points, *ahead], limit)
    parts = [_line(place, points, _BLUE), _line(place, ahead, _BLUE, dashed=True)]
    if limit is not None:
        y = place.y(limit)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH}" stroke="{_RED}" stroke-dasharray="2 3"/>')
        parts.append(_text(_WIDTH - 2, y - 5, "budget", anchor="end", color=_RED))
    parts += place.scale()
    return _svg("Size of the audit tables, and the forecast for 30 days", parts)


def throughput(health: Health) -> str:
    """Changes a second of each executed purge, the newest on the right."""
    points = health.throughput
    if not points:
        return ""
    top = max(point.value for point in points)
    slot = min((_WIDTH - _LEFT) / len(points), 40.0)
    parts: list[str] = []
    for number, point in enumerate(points):
        height = (_HEIGHT - _TOP - _BOTTOM) * point.value / top
        x, y = _LEFT + number * slot + 1, _HEIGHT - _BOTTOM - height
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{slot - 2:.1f}" height="{height:.1f}" fill="{_BLUE}"/>')
    parts.append(_text(_LEFT - 6, _TOP + 4, f"{top:,.0f}/s", anchor="end"))
    parts.append(_text(_LEFT - 6, _HEIGHT - _BOTTOM, "0", anchor="end"))
    parts += _ends(points[0].at, points[-1].at)
    return _svg("Changes deleted a second, by purge", parts)


def backlog(health: Health) -> str:
    """The backlog's rows by status, as one bar."""
    total = sum(health.backlog.values())
    if not total:
        return ""
    parts: list[str] = []
    x = 0.0
    for number, (status, count) in enumerate(health.backlog.items()):
        width = _WIDTH * count / total
        color = _STATUS.get(status, _GREY)
        parts.append(f'<rect x="{x:.1f}" y="4" width="{width:.1f}" height="24" fill="{color}"/>')
        place = number * _WIDTH / len(health.backlog)
        parts.append(f'<rect x="{place:.1f}" y="40" width="10" height="10" fill="{color}"/>')
        parts.append(_text(place + 15, 50, f"{count} {status}"))
        x += width
    return _svg("Backlog rows by status", parts, height=58)


class _Place:
    """Where a moment and a value lie."""

    def __init__(self, points: Sequence[Point], limit: float | None) -> None:
        self.first, self.last = min(p.at for p in points), max(p.at for p in points)
        self.top = max([p.value for p in points] + ([limit] if limit is not None else [])) * 1.05 or 1.0

    def x(self, at: datetime) -> float:
        span = (self.last - self.first).total_seconds() or 1.0
        return _LEFT + (_WIDTH - _LEFT - 4) * (at - self.first).total_seconds() / span

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self.top

    def scale(self) -> Iterable[str]:
        yield _text(_LEFT - 6, _TOP + 4, size(self.top), anchor="end")
        yield _text(_LEFT - 6, _HEIGHT - _BOTTOM, "0", anchor="end")
        yield from _ends(self.first, self.last)


def _ends(first: datetime, last: datetime) -> Iterable[str]:
    yield f'<path d="M{_LEFT} {_HEIGHT - _BOTTOM}H{_WIDTH}" stroke="{_GREY}" stroke-opacity=".5"/>'
    yield _text(_LEFT, _HEIGHT - 8, f"{first:%Y-%m-%d}")
    if last.date() != first.date():
        yield _text(_WIDTH - 2, _HEIGHT - 8, f"{last:%Y-%m-%d}", anchor="end")


def _line(place: _Place, points: Sequence[Point], color: str, *, dashed: bool = False) -> str:
    path = "L".join(f"{place.x(point.at):.1f} {place.y(point.value):.1f}" for point in points)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    dot = f'<circle cx="{place.x(points[0].at):.1f}" cy="{place.y(points[0].value):.1f}" r="3" fill="{color}"/>'
    return f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"{dash}/>{dot}'


def _text(x: float, y: float, text: str, *, anchor: str = "start", color: str = _GREY) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'


def _svg(title: str, parts: Iterable[str], *, height: int = _HEIGHT) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def size(value: float) -> str:
    """Bytes for people, in powers of ten as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"
