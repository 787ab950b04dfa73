"""Made-up bars of a session, daily and intraday, that the tests of the export share."""

import numpy as np
import pandas as pd
from marketlab.data.bars.calendars import sessions
from marketlab.data.bars.schema import validate_bars
from marketlab.data.export.series import series_of

MUMBAI = "XBOM"
MUMBAI_ZONE = "Asia/Kolkata"


def closes(first, rows, exchange=MUMBAI):
    days = sessions(exchange, pd.Timestamp(first), pd.Timestamp(first) + pd.Timedelta(days=60))
    return days.closes[:rows]


def daily(symbol, rows=6, first="2024-03-01", exchange=MUMBAI, seed=0, **more):
    random = np.random.default_rng(seed)
    close = 100 * np.exp(random.normal(0, 0.01, rows).cumsum())
    return pd.DataFrame(
        {
            "time": closes(first, rows, exchange),
            "symbol": symbol,
            "open": close / 3 * 3.01,
            "high": close * 1.1,
            "low": close * 0.9,
            "close": close,
            "volume": np.arange(rows) * 1000.0,
            **more,
        }
    )


def intraday(symbol, minutes=5, seed=1):
    """Bars of two sessions in Mumbai, 9:15 to 15:30, with two of them missing."""
    parts = []
    for day in ("2024-03-04", "2024-03-05"):
        opens = pd.date_range(f"{day} 09:15", f"{day} 15:29", freq=f"{minutes}min", tz=MUMBAI_ZONE)
        last = pd.Timestamp(f"{day} 15:30", tz=MUMBAI_ZONE)
        parts.append((opens + pd.Timedelta(minutes=minutes)).map(lambda t, last=last: min(t, last)))
    times = parts[0].append(parts[1]).tz_convert("UTC").as_unit("ns").delete([3, 5])
    close = 50 + np.random.default_rng(seed).random(len(times))
    return pd.DataFrame({"time": times, "symbol": symbol, "close": close, "volume": 0.0})


def bars(*frames):
    return validate_bars(pd.concat(frames, ignore_index=True), name="made").bars


def written(frame, exchange=MUMBAI, request=None):
    symbols = [str(s) for s in frame["symbol"].cat.categories]
    return series_of(frame, dict.fromkeys(symbols, exchange), request or {})
