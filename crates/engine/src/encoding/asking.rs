//! Questions to the encoder. Each goes into the queue in pieces of a batch, of which only few are there at once: a long one
//! lets others in between, never fills the queue by itself, and holds few pictures made ready.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use casekin_encoder::Picture;
use casekin_imaging::Rgb8;

use super::queue::Lane;
use super::{EncoderSlot, Waiting, as_picture, gone};
use crate::error::EngineError;

/// Pieces of one question in the queue: one that runs, and one that follows it without a pause.
const PIECES_AT_ONCE: usize = 2;

/// A piece of a question.
enum Piece<'a> {
    Texts(&'a [&'a str]),
    Pictures(&'a [&'a Rgb8]),
}

/// The pieces of a question that have not been handed in.
struct Pieces {
    from: usize,
    count: usize,
    most: usize,
}

impl Iterator for Pieces {
    type Item = (Lane, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.from..self.count.min(self.from + self.most);
        let lane = if self.from == 0 {
            Lane::Question
        } else {
            Lane::Further
        };
        self.from = piece.end;
        (!piece.is_empty()).then_some((lane, piece))
    }
}

impl EncoderSlot {
    /// Encodes the pictures of a question. Blocks.
    ///
    /// # Errors
    /// [`EngineError::EncoderBusy`] where too many questions wait.
    pub(crate) fn question_images(&self, pictures: &[&Rgb8]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.question(pictures.len(), |lane, piece| {
            self.hand_in(lane, &Piece::Pictures(&pictures[piece]))
        })
    }

    /// Encodes the words of a question. Blocks. Those asked last are kept.
    ///
    /// # Errors
    /// As [`Self::question_images`].
    pub(crate) fn question_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EngineError> {
        if let Some(vectors) = self.kept.all(texts) {
            return Ok(vectors);
        }
        let vectors = self.question(texts.len(), |lane, piece| {
            self.hand_in(lane, &Piece::Texts(&texts[piece]))
        })?;
        self.kept.keep(texts, &vectors);
        Ok(vectors)
    }

    /// As [`Self::question_images`], waiting without a thread: where the future is dropped, what has not begun to run is
    /// not run.
    pub(crate) async fn ask_images(
        self: &Arc<Self>,
        pictures: Vec<Rgb8>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        self.ask(pictures.len(), move |slot, lane, piece| {
            let pictures: Vec<&Rgb8> = pictures[piece].iter().collect();
            slot.hand_in(lane, &Piece::Pictures(&pictures))
        })
        .await
    }

    /// As [`Self::question_texts`], waiting as [`Self::ask_images`] does.
    pub(crate) async fn ask_texts(
        self: &Arc<Self>,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let texts = Arc::new(texts);
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        if let Some(vectors) = self.kept.all(&borrowed) {
            return Ok(vectors);
        }
        let asked = Arc::clone(&texts);
        let vectors = self.ask(texts.len(), move |slot, lane, piece| {
            let texts: Vec<&str> = asked[piece].iter().map(String::as_str).collect();
            slot.hand_in(lane, &Piece::Texts(&texts))
        });
        let vectors = vectors.await?;
        self.kept.keep(&borrowed, &vectors);
        Ok(vectors)
    }

    fn question(
        &self,
        count: usize,
        hand_in: impl Fn(Lane, Range<usize>) -> Result<Waiting, EngineError>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let (mut vectors, mut running) = (Vec::with_capacity(count), VecDeque::new());
        let mut pieces = self.pieces(count);
        loop {
            let room = PIECES_AT_ONCE - running.len();
            for (lane, piece) in pieces.by_ref().take(room) {
                running.push_back(hand_in(lane, piece)?);
            }
            let Some(first) = running.pop_front() else {
                return Ok(vectors);
            };
            vectors.extend(first.blocking_recv().map_err(|_| gone())?.0?);
        }
    }

    async fn ask<H>(
        self: &Arc<Self>,
        count: usize,
        hand_in: H,
    ) -> Result<Vec<Vec<f32>>, EngineError>
    where
        H: Fn(&Self, Lane, Range<usize>) -> Result<Waiting, EngineError> + Send + Sync + 'static,
    {
        let hand_in = Arc::new(hand_in);
        let (mut vectors, mut running) = (Vec::with_capacity(count), VecDeque::new());
        let mut pieces = self.pieces(count);
        loop {
            let room = PIECES_AT_ONCE - running.len();
            for (lane, piece) in pieces.by_ref().take(room) {
                let (slot, hand_in) = (Arc::clone(self), Arc::clone(&hand_in));
                // The first question loads the model, and each makes its pictures ready: both block. Where the future is
                // dropped meanwhile, nobody takes the receiver, and the piece is forgotten like any other.
                let handed = tokio::task::spawn_blocking(move || hand_in(&slot, lane, piece));
                running.push_back(handed.await??);
            }
            let Some(first) = running.pop_front() else {
                return Ok(vectors);
            };
            let (answer, _) = first.await.map_err(|_| gone())?;
            vectors.extend(answer?);
        }
    }

    fn pieces(&self, count: usize) -> Pieces {
        Pieces {
            from: 0,
            count,
            most: self.most_views(),
        }
    }

    /// Makes a piece ready and puts it into the queue.
    fn hand_in(&self, lane: Lane, piece: &Piece<'_>) -> Result<Waiting, EngineError> {
        let loaded = self.loaded()?;
        if lane == Lane::Question {
            loaded.queue.room()?;
        }
        let ready = match piece {
            Piece::Texts(texts) => loaded.encoder.ready_texts(texts)?,
            Piece::Pictures(pictures) => {
                let pictures: Vec<Picture<'_>> =
                    pictures.iter().map(|rgb| as_picture(rgb)).collect();
                loaded.encoder.ready_images(&pictures)?
            }
        };
        Ok(loaded.queue.push(lane, ready)?)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::Duration;

    use casekin_encoder::Ready;

    use super::super::queue::{Batching, Queue};
    use super::super::{Loaded, load_encoder};
    use super::*;
    use crate::config::EncoderConfig;

    /// The demo model with a queue whose runs begin when they are told to, and say how many items they ran.
    struct Held {
        slot: Arc<EncoderSlot>,
        ran: mpsc::Receiver<usize>,
        go: mpsc::Sender<()>,
    }

    fn held() -> Held {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../encoder/demo-model");
        let config = EncoderConfig {
            batch_views: 2,
            ..EncoderConfig::default()
        };
        let (encoder, options) = load_encoder(&dir, &config, "train").unwrap();
        let (tell, ran) = mpsc::channel();
        let (go, may) = mpsc::channel::<()>();
        let batching = Batching {
            items: options.batch_size,
            linger: Duration::ZERO,
        };
        let queue = Queue::start(batching, move |items: &[Ready]| {
            // Where the test has ended, nobody listens.
            let _ = tell.send(items.len());
            let _ = may.recv();
            Ok(items.iter().map(|_| vec![1.0]).collect())
        });
        let loaded = Loaded {
            encoder: Arc::new(encoder),
            queue: queue.unwrap(),
        };
        let slot = EncoderSlot::new(dir, config, "train".to_owned());
        assert!(slot.loaded.set(Ok(loaded)).is_ok());
        Held {
            slot: Arc::new(slot),
            ran,
            go,
        }
    }

    fn texts(name: &str, count: usize) -> Vec<String> {
        (0..count).map(|at| format!("{name} {at}")).collect()
    }

    fn pictures(count: usize) -> Vec<Rgb8> {
        let picture = Rgb8 {
            width_px: 2,
            height_px: 2,
            pixels: vec![128; 12],
        };
        vec![picture; count]
    }

    impl Held {
        fn waiting(&self) -> usize {
            self.slot.work().unwrap().waiting as usize
        }

        /// Drops a question of five items while another one runs: none of the five may be run.
        async fn drop_while_busy<F>(&self, question: F)
        where
            F: Future<Output = Result<Vec<Vec<f32>>, EngineError>> + Send + 'static,
        {
            let slot = Arc::clone(&self.slot);
            let first = tokio::spawn(async move { slot.ask_texts(texts("first", 1)).await });
            assert_eq!(self.ran.recv().unwrap(), 1);
            let dropped = tokio::spawn(question);
            while self.waiting() < 4 {
                tokio::task::yield_now().await;
            }
            dropped.abort();
            assert!(dropped.await.unwrap_err().is_cancelled());
            while self.waiting() > 0 {
                tokio::task::yield_now().await;
            }
            let slot = Arc::clone(&self.slot);
            let last = tokio::spawn(async move { slot.ask_texts(texts("last", 2)).await });
            self.go.send(()).unwrap();
            assert_eq!(first.await.unwrap().unwrap().len(), 1);
            assert_eq!(self.ran.recv().unwrap(), 2);
            self.go.send(()).unwrap();
            assert_eq!(last.await.unwrap().unwrap().len(), 2);
            assert_eq!(
                self.slot.work().unwrap().ran,
                3,
                "the first and the last alone"
            );
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn pictures_of_a_dropped_question_are_not_encoded() {
        let held = held();
        let slot = Arc::clone(&held.slot);
        held.drop_while_busy(async move { slot.ask_images(pictures(5)).await })
            .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn words_of_a_dropped_question_are_not_encoded() {
        let held = held();
        let slot = Arc::clone(&held.slot);
        held.drop_while_busy(async move { slot.ask_texts(texts("dropped", 5)).await })
            .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_question_waits_with_few_pieces_and_is_answered_whole() {
        let held = held();
        let (ran, go) = (held.ran, held.go);
        let many = 701;
        let slot = Arc::clone(&held.slot);
        let asked = tokio::spawn(async move { slot.ask_texts(texts("many", many)).await });
        let slot = Arc::clone(&held.slot);
        let blocked = tokio::task::spawn_blocking(move || {
            let texts = texts("as many", many);
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            slot.question_texts(&texts)
        });
        let slot = Arc::clone(&held.slot);
        let watched = std::thread::spawn(move || {
            let (mut run, mut most) = (0, 0);
            while run < 2 * many {
                run += ran.recv().unwrap();
                most = most.max(slot.work().unwrap().waiting);
                go.send(()).unwrap();
            }
            most
        });
        assert_eq!(asked.await.unwrap().unwrap().len(), many);
        assert_eq!(blocked.await.unwrap().unwrap().len(), many);
        assert!(watched.join().unwrap() <= 8, "two pieces of two for each");
    }
}
