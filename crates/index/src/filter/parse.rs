//! Reads filters as people type them. Values never appear in its errors.

use super::{Field, Filter};
use crate::IndexError;

const MAX_VALUES: usize = 256;
const MAX_VALUE_BYTES: usize = 1024;

pub(super) fn filter(text: &str) -> Result<Filter, IndexError> {
    let (name, value) = text.split_once('=').ok_or(IndexError::FilterSyntax)?;
    let (name, negated) = match name.strip_suffix('!') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let field: Field = name.parse()?;
    let values = alternatives(value);
    if values.len() > MAX_VALUES {
        return Err(IndexError::FilterValue {
            field,
            reason: "more than 256 alternatives",
        });
    }
    let mut held = values
        .into_iter()
        .map(|value| alternative(field, value.trim()))
        .collect::<Result<Vec<_>, _>>()?;
    let held = match held.len() {
        1 => held.remove(0),
        _ => Filter::Or(held),
    };
    Ok(if negated {
        Filter::Not(Box::new(held))
    } else {
        held
    })
}

/// Parts values at their bars. A backslash takes its meaning from a bar or a backslash behind it, and from nothing else, so
/// that values with backslashes of their own can be typed as they are.
fn alternatives(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(mut c) = rest.next() {
        if c == '|' {
            values.push(String::new());
            continue;
        }
        if c == '\\' {
            c = rest.next_if(|next| matches!(next, '|' | '\\')).unwrap_or(c);
        }
        if let Some(value) = values.last_mut() {
            value.push(c);
        }
    }
    values
}

fn alternative(field: Field, value: &str) -> Result<Filter, IndexError> {
    if value.is_empty() {
        return Err(IndexError::FilterValue {
            field,
            reason: "no value is given",
        });
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(IndexError::FilterValue {
            field,
            reason: "the value is longer than 1,024 bytes",
        });
    }
    if field.is_number() {
        let (min, max) = range(field, value)?;
        return Ok(Filter::Between { field, min, max });
    }
    if field == Field::Synthetic {
        truth(value)?;
    }
    Ok(Filter::Is {
        field,
        value: value.to_owned(),
    })
}

/// A value that is `true` or `false`, in the words people use.
pub(crate) fn truth(value: &str) -> Result<bool, IndexError> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(IndexError::FilterValue {
            field: Field::Synthetic,
            reason: "true or false is expected",
        }),
    }
}

/// The range that a value of a number field stands for: `40`, `40..60`, `2020-03`, `2020..`.
pub(crate) fn range(field: Field, value: &str) -> Result<(Option<f64>, Option<f64>), IndexError> {
    let (low, high) = match value.split_once("..") {
        Some((low, high)) => (low.trim(), high.trim()),
        None => (value.trim(), value.trim()),
    };
    if low.is_empty() && high.is_empty() {
        return Err(IndexError::FilterValue {
            field,
            reason: "both ends of the range are missing",
        });
    }
    let min = if low.is_empty() {
        None
    } else {
        Some(bounds(field, low)?.0)
    };
    let max = if high.is_empty() {
        None
    } else {
        Some(bounds(field, high)?.1)
    };
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        return Err(IndexError::FilterValue {
            field,
            reason: "the range's end comes before its start",
        });
    }
    Ok((min, max))
}

fn bounds(field: Field, value: &str) -> Result<(f64, f64), IndexError> {
    match field {
        Field::Date => date_bounds(value).map(|(first, last)| (f64::from(first), f64::from(last))),
        _ => {
            let years: f64 = value.parse().map_err(|_| IndexError::FilterValue {
                field,
                reason: "a number of years is expected",
            })?;
            if !years.is_finite() || !(0.0..=200.0).contains(&years) {
                return Err(IndexError::FilterValue {
                    field,
                    reason: "an age lies between 0 and 200 years",
                });
            }
            Ok((years, years))
        }
    }
}

/// First and last day, as yyyymmdd, of a day, month or year.
fn date_bounds(value: &str) -> Result<(i32, i32), IndexError> {
    let wrong = || IndexError::FilterValue {
        field: Field::Date,
        reason: "a date reads 2020, 2020-03, 2020-03-31 or 20200331",
    };
    let number = |digits: &str| {
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            digits.parse::<i32>().map_err(|_| wrong())
        } else {
            Err(wrong())
        }
    };
    let parts: Vec<&str> = if value.len() == 8 && !value.contains('-') && value.is_ascii() {
        vec![&value[..4], &value[4..6], &value[6..]]
    } else {
        value.split('-').collect()
    };
    if parts.len() > 3 || parts[0].len() != 4 || parts[1..].iter().any(|part| part.len() != 2) {
        return Err(wrong());
    }
    let year = number(parts[0])?;
    let (first_month, last_month) = match parts.get(1) {
        Some(month) => (number(month)?, number(month)?),
        None => (1, 12),
    };
    if !(1..=12).contains(&first_month) {
        return Err(wrong());
    }
    let month_days = days_of(year, last_month);
    let (first_day, last_day) = match parts.get(2) {
        Some(day) => (number(day)?, number(day)?),
        None => (1, month_days),
    };
    if !(1..=month_days).contains(&first_day) {
        return Err(wrong());
    }
    Ok((
        year * 10_000 + first_month * 100 + first_day,
        year * 10_000 + last_month * 100 + last_day,
    ))
}

fn days_of(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn between(field: Field, min: f64, max: f64) -> Filter {
        Filter::Between {
            field,
            min: Some(min),
            max: Some(max),
        }
    }

    #[test]
    fn reads_what_people_type() {
        let is = |field, value: &str| Filter::Is {
            field,
            value: value.into(),
        };
        assert_eq!(
            Filter::parse("modality=CT").unwrap(),
            is(Field::Modality, "CT")
        );
        assert_eq!(
            Filter::parse(" Body-Part = CHEST ").unwrap(),
            is(Field::BodyPart, "CHEST")
        );
        assert_eq!(
            Filter::parse("modality!=CT").unwrap(),
            Filter::Not(Box::new(is(Field::Modality, "CT")))
        );
        assert_eq!(
            Filter::parse("label=a|b").unwrap(),
            Filter::Or(vec![is(Field::Label, "a"), is(Field::Label, "b")])
        );
        assert_eq!(
            Filter::parse("age=40..60").unwrap(),
            between(Field::AgeYears, 40.0, 60.0)
        );
        assert_eq!(
            Filter::parse("age=40..").unwrap(),
            Filter::Between {
                field: Field::AgeYears,
                min: Some(40.0),
                max: None
            }
        );
        assert_eq!(
            Filter::parse("date=2020-01-01..2021-12-31").unwrap(),
            between(Field::Date, 20200101.0, 20211231.0)
        );
        assert_eq!(
            Filter::parse("date=2020-02").unwrap(),
            between(Field::Date, 20200201.0, 20200229.0)
        );
        assert_eq!(
            Filter::parse("date=2019..20200331").unwrap(),
            between(Field::Date, 20190101.0, 20200331.0)
        );
        assert_eq!(Filter::parse("label=a=b").unwrap(), is(Field::Label, "a=b"));
    }

    #[test]
    fn a_bar_of_the_value_itself_is_escaped() {
        let is = |value: &str| Filter::Is {
            field: Field::Label,
            value: value.into(),
        };
        for (text, value) in [
            (r"label=diagnosis: a\|b", "diagnosis: a|b"),
            (r"label=a\\b", r"a\b"),
            (r"label=a\b", r"a\b"),
            (r"label=a\", r"a\"),
            (r"label=\|", "|"),
        ] {
            assert_eq!(Filter::parse(text).unwrap(), is(value), "{text}");
        }
        assert_eq!(
            Filter::parse(r"label=a\|b|c\\|d").unwrap(),
            Filter::Or(vec![is("a|b"), is(r"c\"), is("d")])
        );
    }

    #[test]
    fn refuses_what_means_nothing() {
        assert!(matches!(
            Filter::parse("modality"),
            Err(IndexError::FilterSyntax)
        ));
        assert!(matches!(
            Filter::parse("colour=red"),
            Err(IndexError::FilterField)
        ));
        for text in [
            "modality=",
            "label=a||b",
            "age=old",
            "age=NaN",
            "age=..",
            "age=60..40",
            "date=2020-13",
            "date=2021-02-29",
            "date=20-1-1",
            "date=+020",
            "synthetic=perhaps",
        ] {
            assert!(
                matches!(Filter::parse(text), Err(IndexError::FilterValue { .. })),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,60}", field in "(age|date|label|synthetic)(!?=)") {
            let _ = Filter::parse(&text);
            let _ = Filter::parse(&format!("{field}{text}"));
        }

        #[test]
        fn what_is_escaped_reads_back(value in r"[a|\\ ]{0,12}z") {
            let escaped = Filter::escaped(&value);
            let value = value.trim().to_owned();
            prop_assert_eq!(Filter::parse(&format!("label={escaped}")).unwrap(), Filter::Is { field: Field::Label, value });
        }

        #[test]
        fn every_day_is_within_its_month(year in 1900i32..2100, month in 1i32..=12, day in 1i32..=28) {
            let (first, last) = date_bounds(&format!("{year:04}-{month:02}")).unwrap();
            let (at, end) = date_bounds(&format!("{year:04}{month:02}{day:02}")).unwrap();
            prop_assert!(first <= at && at <= last && at == end);
        }

        #[test]
        fn an_age_range_reads_back(low in 0u32..100, more in 0u32..100) {
            let high = low + more;
            prop_assert_eq!(Filter::parse(&format!("age_years={low}..{high}")).unwrap(), between(Field::AgeYears, f64::from(low), f64::from(high)));
        }
    }
}
