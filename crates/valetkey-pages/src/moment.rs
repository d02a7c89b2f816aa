//! Points in time, for machines and for people.

use jiff::Timestamp;

/// A point in time as a page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// In RFC 3339, for machines: `2026-05-09T07:30:00Z`.
    pub rfc3339: String,
    /// In words: `in 42 minutes`, `3 days ago`.
    pub human: String,
}

/// How `at` is to be shown at the time `now`, both in seconds since the epoch.
///
/// ```
/// let moment = valetkey_pages::moment(0, 2_520);
/// assert_eq!(moment.rfc3339, "1970-01-01T00:42:00Z");
/// assert_eq!(moment.human, "in 42 minutes");
/// ```
#[must_use]
pub fn moment(now: u64, at: u64) -> Moment {
    let rfc3339 = i64::try_from(at)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| "in the far future".into(), |t| t.to_string());
    let words = distance(now.abs_diff(at));
    let human = match (words, now.cmp(&at)) {
        (None, _) | (_, std::cmp::Ordering::Equal) => "now".into(),
        (Some(words), std::cmp::Ordering::Less) => format!("in {words}"),
        (Some(words), std::cmp::Ordering::Greater) => format!("{words} ago"),
    };
    Moment { rfc3339, human }
}

/// The largest unit of which there is at least one, rounded down.
fn distance(seconds: u64) -> Option<String> {
    const UNITS: [(u64, &str); 4] = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let (length, unit) = UNITS.into_iter().find(|(length, _)| seconds >= *length)?;
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    Some(format!("{count} {unit}{plural}"))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn says_past_present_and_future() {
        let human = |now, at| moment(now, at).human;
        assert_eq!(human(100, 100), "now");
        assert_eq!(human(100, 101), "in 1 second");
        assert_eq!(human(0, 3_599), "in 59 minutes");
        assert_eq!(human(0, 3_600), "in 1 hour");
        assert_eq!(human(172_800, 0), "2 days ago");
    }

    #[test]
    fn survives_a_time_beyond_the_calendar() {
        assert_eq!(moment(0, u64::MAX).rfc3339, "in the far future");
    }
}
