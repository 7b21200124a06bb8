"""What counts as known: a bound on uploads and on changes of configuration, by number and by the time they came in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Knowledge:
    """Uploads numbered <= `seq` and changes numbered <= `config`, both received at or before `time` (epoch us).

    None is no bound. Numbers are given in the order of commit, so a number names one state of the store for good, also
    where clocks were set back; a time is what people ask by. The exception is a bulk load: it takes its number when it
    begins and is seen when it is done. `loading` is the number of the one that was under way.
    """

    seq: int | None = None
    config: int | None = None
    time: int | None = None
    loading: int | None = None

    def covers_change(self, number: int, recorded: int) -> bool:
        """Whether a change of configuration is known."""
        return (self.config is None or number <= self.config) and (self.time is None or recorded <= self.time)

    def covers_all(self, newest: int) -> bool:
        """Whether all changes of configuration are known, `newest` being the number of the last."""
        return self.time is None and (self.config is None or newest <= self.config)

    def covers_upload(self, seq: int, received: int) -> bool:
        """Whether an upload is known."""
        early = (self.seq is None or seq <= self.seq) and (self.time is None or received <= self.time)
        return early and seq != self.loading


EVERYTHING = Knowledge()
