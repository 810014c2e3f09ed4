//! One summary by a real OpenAI-compatible service, where `CASEKIN_SUMMARY_URL` names one (and `CASEKIN_SUMMARY_MODEL`
//! its model). What the model writes is its own affair; the shape of what arrives is checked, and all of it printed.

use casekin_summary::{
    Event, Evidence, Passage, Polarity, Question, SummaryConfig, Writer, summarise,
};
use futures::StreamExt;

fn case(number: u32, title: &str, passages: &[(&str, Polarity)]) -> Evidence {
    let passages = passages
        .iter()
        .map(|(text, polarity)| Passage {
            text: (*text).to_owned(),
            polarity: *polarity,
            impression: false,
        })
        .collect();
    let case_id = format!("case-{number}");
    Evidence {
        number,
        case_id,
        title: title.to_owned(),
        labels: vec![],
        similarity: Some(0.8),
        passages,
    }
}

#[tokio::test]
async fn a_real_service_writes_a_summary() {
    let Ok(url) = std::env::var("CASEKIN_SUMMARY_URL") else {
        println!("skipped: CASEKIN_SUMMARY_URL names no service");
        return;
    };
    let model =
        std::env::var("CASEKIN_SUMMARY_MODEL").unwrap_or_else(|_| SummaryConfig::default().model);
    let config = SummaryConfig {
        url: Some(url),
        model,
        max_tokens: 300,
        ..SummaryConfig::default()
    };
    let evidence = vec![
        case(
            1,
            "Chest radiograph",
            &[
                ("Left pleural effusion of 3 cm.", Polarity::Affirmed),
                ("No pneumothorax.", Polarity::Negated),
            ],
        ),
        case(
            2,
            "Chest radiograph",
            &[("Right pleural effusion.", Polarity::Affirmed)],
        ),
    ];
    let question = Question {
        text: Some("pleural effusion".to_owned()),
        ..Question::default()
    };
    let events: Vec<Event> = summarise(&config, question, evidence).collect().await;
    for event in &events {
        println!("{event:?}");
    }
    assert!(
        matches!(
            &events[0],
            Event::Started {
                writer: Writer::Model { .. }
            }
        ),
        "the service wrote nothing"
    );
    assert!(matches!(
        events.last(),
        Some(Event::Done { .. } | Event::Failed { .. })
    ));
}
