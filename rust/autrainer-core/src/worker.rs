//! Signals in a worker process: its parent decides what a request to stop means.
//!
//! A terminal, `timeout` and batch systems send a request to stop to all processes of a job. A
//! worker that ended by itself would take the batch away that its parent waits for, before the
//! parent has saved its state. So it ends when its parent says so, or is no more.

#[cfg(unix)]
pub use unix::leave_signals_to_parent;

#[cfg(not(unix))]
/// Does nothing: there are no such signals.
pub fn leave_signals_to_parent() -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::atomic::{AtomicI32, Ordering};

    use libc::{c_int, c_void, siginfo_t};

    const REQUESTS: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

    static PARENT: AtomicI32 = AtomicI32::new(0);

    /// From now on SIGINT, SIGTERM and SIGHUP end this process only if its parent sends SIGTERM or
    /// has ended. They are no longer blocked, and programs that it starts take them as usual. On
    /// Linux the process ends together with its parent, whatever it is doing.
    ///
    /// # Errors
    /// What the operating system says if it refuses.
    pub fn leave_signals_to_parent() -> io::Result<()> {
        // SAFETY: `action` and `requests` are plain data that the calls fill in or read. The
        // handler calls nothing but `getppid`, `_exit` and an atomic load, which are allowed in a
        // signal handler.
        unsafe {
            PARENT.store(libc::getppid(), Ordering::Relaxed);
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_request as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            let mut requests: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut requests);
            for number in REQUESTS {
                done(libc::sigaction(
                    number,
                    &raw const action,
                    std::ptr::null_mut(),
                ))?;
                libc::sigaddset(&raw mut requests, number);
            }
            #[cfg(target_os = "linux")]
            done(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGHUP))?;
            match libc::pthread_sigmask(
                libc::SIG_UNBLOCK,
                &raw const requests,
                std::ptr::null_mut(),
            ) {
                0 => Ok(()),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }

    extern "C" fn on_request(number: c_int, info: *mut siginfo_t, _: *mut c_void) {
        // SAFETY: the kernel hands a valid `siginfo_t` to handlers with SA_SIGINFO; `getppid` and
        // `_exit` are async-signal-safe.
        unsafe {
            let parent = libc::getppid();
            let is_orphan = parent != PARENT.load(Ordering::Relaxed);
            let is_from_parent = !info.is_null() && (*info).si_pid() == parent;
            if is_orphan || (number == libc::SIGTERM && is_from_parent) {
                libc::_exit(0);
            }
        }
    }

    fn done(code: c_int) -> io::Result<()> {
        if code == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
