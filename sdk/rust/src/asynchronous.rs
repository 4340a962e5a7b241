//! The blocking calls as futures, each on a thread of its own, for any executor or none.

use crate::{CallError, Licensing, Standing};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

/// The result of a call that is under way. The call goes on to its end, also where this is dropped.
#[derive(Debug)]
pub struct Pending<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

#[derive(Debug)]
struct Shared<T> {
    result: Option<T>,
    waker: Option<Waker>,
}

impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = shared.result.take() {
            Poll::Ready(result)
        } else {
            shared.waker = Some(context.waker().clone());
            Poll::Pending
        }
    }
}

impl<T: Send + 'static> Pending<T> {
    /// Runs `call` in a thread; `spare` is the result where the system has no thread for it.
    fn spawn(call: impl FnOnce() -> T + Send + 'static, spare: impl FnOnce(std::io::Error) -> T) -> Self {
        let shared = Arc::new(Mutex::new(Shared { result: None, waker: None }));
        let finish = |shared: &Mutex<Shared<T>>, result: T| {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            shared.result = Some(result);
            if let Some(waker) = shared.waker.take() {
                waker.wake();
            }
        };
        let theirs = shared.clone();
        let spawned = thread::Builder::new().name("holdfast-async".into()).spawn(move || finish(&theirs, call()));
        if let Err(error) = spawned {
            finish(&shared, spare(error));
        }
        Self { shared }
    }
}

impl Licensing {
    /// [`Licensing::activate`] as a future.
    pub fn activate_async(&self, key: impl Into<String>) -> Pending<Result<Standing, CallError>> {
        let (licensing, key) = (self.clone(), key.into());
        self.run_async(move || licensing.activate(&key))
    }

    /// [`Licensing::activate_for`] as a future.
    pub fn activate_for_async(
        &self,
        key: impl Into<String>,
        email: impl Into<String>,
    ) -> Pending<Result<Standing, CallError>> {
        let (licensing, key, email) = (self.clone(), key.into(), email.into());
        self.run_async(move || licensing.activate_for(&key, &email))
    }

    /// [`Licensing::start_trial`] as a future.
    pub fn start_trial_async(&self) -> Pending<Result<Standing, CallError>> {
        let licensing = self.clone();
        self.run_async(move || licensing.start_trial())
    }

    /// [`Licensing::release`] as a future.
    pub fn release_async(&self) -> Pending<Result<Standing, CallError>> {
        let licensing = self.clone();
        self.run_async(move || licensing.release())
    }

    /// [`Licensing::refresh`] as a future.
    pub fn refresh_async(&self) -> Pending<Result<Standing, CallError>> {
        let licensing = self.clone();
        self.run_async(move || licensing.refresh())
    }

    #[allow(clippy::unused_self, reason = "reads as a method of the value whose call it is")]
    fn run_async(
        &self,
        call: impl FnOnce() -> Result<Standing, CallError> + Send + 'static,
    ) -> Pending<Result<Standing, CallError>> {
        Pending::spawn(call, |error| Err(CallError::NoAnswer(error.to_string())))
    }
}
