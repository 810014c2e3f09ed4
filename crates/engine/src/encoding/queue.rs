//! What waits for the encoder: questions before ingest, gathered into batches, run by one thread per model and device.
//! Knows nothing of pictures and words; an item is whatever one run can take many of.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Items of questions that may wait; whoever comes later is told to try again.
const QUESTION_ITEMS: usize = 512;

/// One input of a run.
pub(super) trait Item: Send + 'static {
    /// Items of one kind can be run together.
    type Kind: PartialEq;
    fn kind(&self) -> Self::Kind;
}

/// Whose items they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// The first piece of a question, which is refused where too many items wait.
    Question,
    /// The next piece of a question that was let in. It is not refused: its caller keeps few pieces here at once.
    Further,
    /// There is no bound on the ingest: its callers wait for one chunk before they hand in the next.
    Ingest,
}

/// Too many items of questions wait already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// The vectors of one request's items, and how long its batch ran.
pub(super) type Answer<E> = (Result<Vec<Vec<f32>>, E>, Duration);

struct Request<I, E> {
    items: Vec<I>,
    reply: oneshot::Sender<Answer<E>>,
}

struct State<I, E> {
    questions: VecDeque<Request<I, E>>,
    ingest: VecDeque<Request<I, E>>,
    closed: bool,
}

struct Shared<I, E> {
    state: Mutex<State<I, E>>,
    changed: Condvar,
    /// Items that were handed to a run.
    ran: AtomicU64,
}

/// How batches are put together.
#[derive(Clone, Copy)]
pub(super) struct Batching {
    /// Items of one run at the most.
    pub items: usize,
    /// How long a batch that is not full waits for company. Nothing on a CPU, where a batch is no faster than its items.
    pub linger: Duration,
}

/// The queue and its thread, which ends when this is dropped.
pub(super) struct Queue<I: Item, E: Send + 'static> {
    shared: Arc<Shared<I, E>>,
}

impl<I: Item, E: Send + 'static> Queue<I, E> {
    /// Starts the thread. `run` gets items of one kind and gives a vector for each.
    pub fn start(
        batching: Batching,
        run: impl Fn(&[I]) -> Result<Vec<Vec<f32>>, E> + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                questions: VecDeque::new(),
                ingest: VecDeque::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            ran: AtomicU64::new(0),
        });
        let working = CloseAtEnd(Arc::clone(&shared));
        std::thread::Builder::new()
            .name("encoder".to_owned())
            .spawn(move || {
                while let Some(batch) = working.0.next(batching) {
                    let items: usize = batch.iter().map(Request::len).sum();
                    working.0.ran.fetch_add(items as u64, Ordering::Relaxed);
                    answer(batch, &run);
                }
            })?;
        Ok(Self { shared })
    }

    /// Refuses before anything is spent on a question for which there is no room.
    pub fn room(&self) -> Result<(), Full> {
        self.shared.lock().room()
    }

    /// Hands items of one kind in. A caller that drops the receiver costs nothing any more.
    pub fn push(&self, lane: Lane, items: Vec<I>) -> Result<oneshot::Receiver<Answer<E>>, Full> {
        let (reply, receiver) = oneshot::channel();
        let mut state = self.shared.lock();
        if lane == Lane::Question {
            state.room()?;
        }
        // Where the thread has ended, the dropped sender says so to the receiver.
        if !state.closed {
            let waiting = match lane {
                Lane::Question | Lane::Further => &mut state.questions,
                Lane::Ingest => &mut state.ingest,
            };
            waiting.push_back(Request { items, reply });
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(receiver)
    }

    /// Items that wait now, of whatever lane.
    pub fn waiting(&self) -> usize {
        let mut state = self.shared.lock();
        state.forget_cancelled();
        let lanes = state.questions.iter().chain(&state.ingest);
        lanes.map(Request::len).sum()
    }

    /// Items that were handed to a run so far.
    pub fn ran(&self) -> u64 {
        self.shared.ran.load(Ordering::Relaxed)
    }
}

impl<I: Item, E: Send + 'static> Drop for Queue<I, E> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Leaves nobody waiting for a thread that is gone, whether it ended or panicked.
struct CloseAtEnd<I: Item, E>(Arc<Shared<I, E>>);

impl<I: Item, E> Drop for CloseAtEnd<I, E> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<I, E> Request<I, E> {
    fn len(&self) -> usize {
        self.items.len()
    }
}

impl<I, E> Shared<I, E> {
    fn lock(&self) -> MutexGuard<'_, State<I, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.questions.clear();
        state.ingest.clear();
        drop(state);
        self.changed.notify_all();
    }
}

impl<I: Item, E> Shared<I, E> {
    /// Waits for the next batch; `None` when the queue is closed.
    fn next(&self, batching: Batching) -> Option<Vec<Request<I, E>>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            state.forget_cancelled();
            if state.questions.is_empty() && state.ingest.is_empty() {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let until = Instant::now() + batching.linger;
            while !state.closed && state.ready_items() < batching.items {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let waited = self.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            state.forget_cancelled();
            let batch = state.take(batching.items);
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }
}

impl<I, E> State<I, E> {
    /// Who has gone away takes no room.
    fn room(&mut self) -> Result<(), Full> {
        self.forget_cancelled();
        let waiting: usize = self.questions.iter().map(Request::len).sum();
        if waiting < QUESTION_ITEMS {
            Ok(())
        } else {
            Err(Full)
        }
    }

    fn forget_cancelled(&mut self) {
        self.questions.retain(|request| !request.reply.is_closed());
        self.ingest.retain(|request| !request.reply.is_closed());
    }
}

impl<I: Item, E> State<I, E> {
    fn lane(&mut self) -> &mut VecDeque<Request<I, E>> {
        if self.questions.is_empty() {
            &mut self.ingest
        } else {
            &mut self.questions
        }
    }

    /// Items that the next batch could hold as it is.
    fn ready_items(&mut self) -> usize {
        let lane = self.lane();
        let Some(kind) = lane.front().and_then(Request::kind) else {
            return 0;
        };
        lane.iter()
            .take_while(|request| request.kind().as_ref() == Some(&kind))
            .map(Request::len)
            .sum()
    }

    /// The first request, and those behind it that are of its kind and fit beside it.
    fn take(&mut self, most: usize) -> Vec<Request<I, E>> {
        let lane = self.lane();
        let mut batch: Vec<Request<I, E>> = lane.pop_front().into_iter().collect();
        let mut items: usize = batch.iter().map(Request::len).sum();
        while let (Some(first), Some(next)) = (batch.first(), lane.front())
            && first.kind() == next.kind()
            && items + next.len() <= most
        {
            items += next.len();
            batch.extend(lane.pop_front());
        }
        batch
    }
}

impl<I: Item, E> Request<I, E> {
    fn kind(&self) -> Option<I::Kind> {
        self.items.first().map(Item::kind)
    }
}

/// Runs a batch and hands everybody their own. Where a batch fails, each request is run by itself: the others must not
/// fail for one.
fn answer<I: Item, E>(batch: Vec<Request<I, E>>, run: &impl Fn(&[I]) -> Result<Vec<Vec<f32>>, E>) {
    let (mut together, mut parts) = (Vec::new(), Vec::new());
    for request in batch {
        parts.push((request.items.len(), request.reply));
        together.extend(request.items);
    }
    let begun = Instant::now();
    match run(&together) {
        Ok(vectors) => {
            let (took, mut vectors) = (begun.elapsed(), vectors.into_iter());
            for (count, reply) in parts {
                // Nobody listens any more where the caller went away meanwhile.
                let _ = reply.send((Ok(vectors.by_ref().take(count).collect()), took));
            }
        }
        Err(error) if parts.len() == 1 => {
            let mut error = Some(error);
            for (_, reply) in parts {
                if let Some(error) = error.take() {
                    let _ = reply.send((Err(error), begun.elapsed()));
                }
            }
        }
        Err(_) => {
            let mut rest = together.as_slice();
            for (count, reply) in parts {
                let (own, others) = rest.split_at(count);
                rest = others;
                let begun = Instant::now();
                let _ = reply.send((run(own), begun.elapsed()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An item is a number; tens of one size can be run together. 13 cannot be run at all.
    impl Item for u32 {
        type Kind = u32;
        fn kind(&self) -> u32 {
            *self / 100
        }
    }

    struct Held {
        queue: Queue<u32, String>,
        ran: mpsc::Receiver<Vec<u32>>,
        go: mpsc::Sender<()>,
    }

    /// A queue whose runs begin when they are told to, and say what they ran.
    fn held(items: usize) -> Held {
        let (tell, ran) = mpsc::channel();
        let (go, may) = mpsc::channel::<()>();
        let batching = Batching {
            items,
            linger: Duration::ZERO,
        };
        let queue = Queue::start(batching, move |items: &[u32]| {
            tell.send(items.to_vec()).map_err(|e| e.to_string())?;
            may.recv().map_err(|e| e.to_string())?;
            if items.contains(&13) {
                return Err("13".to_owned());
            }
            Ok(items.iter().map(|item| vec![*item as f32]).collect())
        });
        Held {
            queue: queue.expect("a thread starts"),
            ran,
            go,
        }
    }

    impl Held {
        fn push(&self, lane: Lane, items: &[u32]) -> oneshot::Receiver<Answer<String>> {
            self.queue
                .push(lane, items.to_vec())
                .expect("there is room")
        }

        fn next(&self) -> Vec<u32> {
            let ran = self.ran.recv().expect("the thread runs");
            self.go.send(()).expect("the thread runs");
            ran
        }
    }

    fn vectors(receiver: oneshot::Receiver<Answer<String>>) -> Result<Vec<Vec<f32>>, String> {
        receiver.blocking_recv().expect("an answer comes").0
    }

    #[test]
    fn questions_go_first_and_are_gathered_by_kind() {
        let held = held(4);
        let first = held.push(Lane::Ingest, &[1]);
        // The thread has the first chunk by now; the rest waits.
        let begun = held.ran.recv().unwrap();
        let ingest = held.push(Lane::Ingest, &[2, 3]);
        let one = held.push(Lane::Question, &[4, 5]);
        let two = held.push(Lane::Question, &[6]);
        let other = held.push(Lane::Question, &[700]);
        held.go.send(()).unwrap();
        assert_eq!(begun, [1]);
        assert_eq!(held.next(), [4, 5, 6]);
        assert_eq!(held.next(), [700]);
        assert_eq!(held.next(), [2, 3]);
        assert_eq!(vectors(first).unwrap(), [[1.0]]);
        assert_eq!(vectors(one).unwrap(), [[4.0], [5.0]]);
        assert_eq!(vectors(two).unwrap(), [[6.0]]);
        assert_eq!(vectors(other).unwrap(), [[700.0]]);
        assert_eq!(vectors(ingest).unwrap(), [[2.0], [3.0]]);
    }

    #[test]
    fn who_went_away_is_not_run() {
        let held = held(8);
        let first = held.push(Lane::Question, &[1]);
        let begun = held.ran.recv().unwrap();
        drop(held.push(Lane::Question, &[2]));
        drop(held.push(Lane::Ingest, &[3]));
        let last = held.push(Lane::Ingest, &[4]);
        held.go.send(()).unwrap();
        assert_eq!((begun, held.next()), (vec![1], vec![4]));
        assert!(vectors(first).is_ok() && vectors(last).is_ok());
    }

    #[test]
    fn too_many_questions_are_refused_and_ingest_is_not() {
        let held = held(8);
        let _running = held.push(Lane::Question, &[1]);
        held.ran.recv().unwrap();
        let waiting = held.push(Lane::Question, &vec![2; QUESTION_ITEMS]);
        assert_eq!(held.queue.room(), Err(Full));
        assert!(held.queue.push(Lane::Question, vec![3]).is_err());
        assert!(held.queue.push(Lane::Ingest, vec![3]).is_ok());
        // Who was let in goes on, and who went away makes room.
        let further = held.push(Lane::Further, &[4]);
        assert_eq!(held.queue.waiting(), QUESTION_ITEMS + 1);
        drop((waiting, further));
        assert_eq!((held.queue.waiting(), held.queue.room()), (0, Ok(())));
        assert_eq!(held.queue.ran(), 1);
    }

    #[test]
    fn one_that_fails_does_not_fail_the_others() {
        let held = held(8);
        let first = held.push(Lane::Question, &[1]);
        held.ran.recv().unwrap();
        let bad = held.push(Lane::Question, &[13]);
        let good = held.push(Lane::Question, &[14]);
        held.go.send(()).unwrap();
        assert_eq!(held.next(), [13, 14]);
        assert_eq!((held.next(), held.next()), (vec![13], vec![14]));
        assert!(vectors(first).is_ok());
        assert_eq!(vectors(bad), Err("13".to_owned()));
        assert_eq!(vectors(good).unwrap(), [[14.0]]);
    }

    #[test]
    fn a_thread_that_dies_leaves_nobody_waiting() {
        let batching = Batching {
            items: 2,
            linger: Duration::ZERO,
        };
        let queue: Queue<u32, String> =
            Queue::start(batching, |_| panic!("what a run may do")).unwrap();
        let lost = queue.push(Lane::Question, vec![1]).unwrap();
        assert!(lost.blocking_recv().is_err());
        let late = queue.push(Lane::Question, vec![1]).unwrap();
        assert!(late.blocking_recv().is_err());
    }

    #[test]
    fn a_batch_waits_for_company_as_long_as_it_is_told() {
        let (tell, ran) = mpsc::channel();
        let batching = Batching {
            items: 2,
            // Far longer than the test: only a full batch can end the wait.
            linger: Duration::from_secs(600),
        };
        let queue: Queue<u32, String> = Queue::start(batching, move |items: &[u32]| {
            tell.send(items.to_vec()).map_err(|e| e.to_string())?;
            Ok(items.iter().map(|_| Vec::new()).collect())
        })
        .unwrap();
        let _one = queue.push(Lane::Question, vec![1]).unwrap();
        let _two = queue.push(Lane::Question, vec![2]).unwrap();
        assert_eq!(ran.recv().unwrap(), [1, 2]);
    }
}
