"""Times into figures: median, 95th percentile, ratios, a small picture, and the machine they come from."""

import os
import platform
import statistics
from dataclasses import dataclass, field
from typing import Any

BARS = "▁▂▃▄▅▆▇█"


@dataclass
class Row:
    """One measured thing: its times in seconds."""

    name: str
    times: list[float]
    against: str = ""  # the name of the row that its median is divided by
    part: bool = False  # a part of the row above it

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """The time that 95 in 100 stay within (the worst one where there are fewer than 20)."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, -(-len(ordered) * 95 // 100) - 1)]


@dataclass
class Result:
    """One bench: its rows, and what they mean."""

    name: str
    question: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    aim: float | None = None  # seconds, for the median of the first row

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def ratio(self, row: Row) -> float | None:
        """How many times as long as the row it is compared with."""
        return row.p50 / self.row(row.against).p50 if row.against else None

    def as_dict(self) -> dict[str, Any]:
        """For programs: milliseconds, rounded to the microsecond."""
        rows = [
            {
                "name": row.name, "runs": len(row.times), "p50_ms": round(row.p50 * 1000, 3),
                "p95_ms": round(row.p95 * 1000, 3), "least_ms": round(min(row.times) * 1000, 3),
                "most_ms": round(max(row.times) * 1000, 3), "against": row.against,
                "ratio": None if (ratio := self.ratio(row)) is None else round(ratio, 3),
            }
            for row in self.rows
        ]  # fmt: skip
        aim = None if self.aim is None else {"seconds": self.aim, "met": self.rows[0].p50 < self.aim}
        return {"name": self.name, "question": self.question, "rows": rows, "aim": aim, "notes": self.notes}

    def as_text(self) -> str:
        """For people: a table, and how the times spread."""
        wide = max(len(row.name) for row in self.rows) + 2
        lines = [self.question, f"{'':{wide}} {'runs':>5} {'p50 ms':>9} {'p95 ms':>9}  ratio  spread"]
        for row in self.rows:
            ratio = self.ratio(row)
            shown = "      " if ratio is None else f"{ratio:6.2f}"
            name = ("  " if row.part else "") + row.name
            times = f"{len(row.times):5} {_milliseconds(row.p50)} {_milliseconds(row.p95)}"
            lines.append(f"{name:{wide}} {times} {shown}  {spread(row.times)}")
        against = dict.fromkeys(row.against for row in self.rows if row.against)
        lines += [f"ratio: the row's median over that of {name!r}" for name in against]
        if self.aim is not None:
            met = "met" if self.rows[0].p50 < self.aim else "NOT met"
            lines.append(f"aim: a median under {self.aim:g} s for {self.rows[0].name!r}: {met}")
        return "\n".join([*lines, *self.notes])


def _milliseconds(seconds: float) -> str:
    """To the microsecond where it is short."""
    return f"{seconds * 1000:9.1f}" if seconds >= 0.01 else f"{seconds * 1000:9.3f}"


def spread(times: list[float], width: int = 24) -> str:
    """How often each time came, from the least to the most, as a row of bars."""
    least, most = min(times), max(times)
    if most == least:
        return BARS[-1]
    counts = [0] * width
    for one in times:
        counts[min(width - 1, int((one - least) / (most - least) * width))] += 1
    top = max(counts)
    return "".join(BARS[-(-count * (len(BARS) - 1) // top)] if count else " " for count in counts).rstrip()


def machine() -> str:
    """Processor, cores, memory, system and versions, in one line."""
    import django

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    database = os.environ["SAFEHOLD_DATABASE_URL"].partition(":")[0]
    load = os.getloadavg()[0]
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, Django {django.__version__}, {database}, load {load:.1f}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
