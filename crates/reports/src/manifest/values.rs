//! Cells → values. `None` where a cell cannot be read as its column's meaning.

/// Sex as DICOM's Patient's Sex (0010,0040) spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Sex {
    /// Male.
    M,
    /// Female.
    F,
    /// Other.
    O,
}

pub(super) fn read_sex(cell: &str) -> Option<Sex> {
    match cell.trim().to_lowercase().as_str() {
        "m" | "male" | "man" | "männlich" | "homme" | "masculin" | "hombre" | "masculino" => {
            Some(Sex::M)
        }
        "f" | "w" | "female" | "woman" | "weiblich" | "femme" | "féminin" | "mujer"
        | "femenino" => Some(Sex::F),
        "o" | "d" | "x" | "other" | "divers" | "diverse" => Some(Sex::O),
        _ => None,
    }
}

/// "063Y", "18M", "6W", "10D" (DICOM AS, PS3.5 6.2), "63", "63.0", "63 years" → years in [0, 150].
pub(super) fn read_age(cell: &str) -> Option<f32> {
    let cell = cell.trim().to_lowercase();
    let digits = cell
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(cell.len());
    let number: f32 = cell[..digits].parse().ok()?;
    let years = match cell[digits..].trim() {
        "" | "y" | "yr" | "yrs" | "year" | "years" | "years old" | "jahre" | "ans" | "años" => {
            number
        }
        "m" | "mo" | "month" | "months" => number / 12.0,
        "w" | "week" | "weeks" => number * 7.0 / 365.25,
        "d" | "day" | "days" => number / 365.25,
        _ => return None,
    };
    (0.0..=150.0).contains(&years).then_some(years)
}

/// "2021-03-09", "20210309", "2021/3/9", "09.03.2021", with or without a time after it → "2021-03-09".
/// "03/09/2021" is month first where only that gives a date, else it is ambiguous and refused.
pub(super) fn read_date(cell: &str) -> Option<String> {
    let day_part = cell.trim().split(['T', ' ']).next()?;
    if day_part.len() == 8 && day_part.bytes().all(|b| b.is_ascii_digit()) {
        return iso(
            day_part[..4].parse().ok()?,
            day_part[4..6].parse().ok()?,
            day_part[6..].parse().ok()?,
        );
    }
    let separator = day_part.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
    let numbers: Vec<&str> = day_part.split(separator).collect();
    let [a, b, c] = numbers[..] else { return None };
    if [a, b, c]
        .iter()
        .any(|n| n.is_empty() || !n.bytes().all(|d| d.is_ascii_digit()))
    {
        return None;
    }
    let (first, second, third): (u32, u32, u32) =
        (a.parse().ok()?, b.parse().ok()?, c.parse().ok()?);
    match (a.len(), c.len(), separator) {
        (4, _, _) => iso(first, second, third),
        (_, 4, '.' | '-') => iso(third, second, first),
        (_, 4, _) if first == second => iso(third, first, second),
        (_, 4, _) => match (iso(third, second, first), iso(third, first, second)) {
            (Some(only), None) | (None, Some(only)) => Some(only),
            _ => None,
        },
        _ => None,
    }
}

fn iso(year: u32, month: u32, day: u32) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    ((1850..=2200).contains(&year) && (1..=days).contains(&day))
        .then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Labels split on `|` and `;`, trimmed, without empties or repeats, appended to `labels`.
pub(super) fn read_labels(cell: &str, labels: &mut Vec<String>) {
    for label in cell
        .split(['|', ';'])
        .map(str::trim)
        .filter(|l| !l.is_empty())
    {
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_in_their_forms() {
        for cell in [
            "2021-03-09",
            "20210309",
            "2021/3/9",
            "09.03.2021",
            "9.3.2021",
            "2021-03-09T10:00:00",
            "2021-03-09 10:00",
        ] {
            assert_eq!(read_date(cell).as_deref(), Some("2021-03-09"), "{cell}");
        }
        assert_eq!(read_date("03/29/2021").as_deref(), Some("2021-03-29"));
        assert_eq!(read_date("29/03/2021").as_deref(), Some("2021-03-29"));
        for cell in [
            "03/09/2021",
            "2021-02-30",
            "2021",
            "soon",
            "",
            "9.3.21",
            "１２３４５６７８",
            "0001-01-01",
        ] {
            assert_eq!(read_date(cell), None, "{cell}");
        }
    }

    #[test]
    fn ages_and_sexes() {
        for cell in ["063Y", "63", "63.0", "63 years", "63y"] {
            assert_eq!(read_age(cell), Some(63.0), "{cell}");
        }
        assert_eq!(read_age("018M"), Some(1.5));
        for cell in ["1-5 (cohort)", "", "-3", "200", "adult", "6.3.1", "63Q"] {
            assert_eq!(read_age(cell), None, "{cell}");
        }
        assert_eq!(
            (
                read_sex("male"),
                read_sex(" F "),
                read_sex("other"),
                read_sex("?")
            ),
            (Some(Sex::M), Some(Sex::F), Some(Sex::O), None)
        );
    }
}
