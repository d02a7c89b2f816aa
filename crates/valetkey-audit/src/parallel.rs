//! Work on all cores, in order.

use std::{
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Source may nest deeply: walks over it get a stack that lasts.
pub(crate) const STACK: usize = 256 << 20;
/// More threads than this are not worth their stacks.
const MOST: usize = 8;

/// What `work` makes of each item, in the order of the items.
///
/// A panic of `work` ends the program's thread that asked, too.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(MOST).min(items.len());
    if threads < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let one = || {
        while let Some((i, item)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            items.get(i).map(|item| (i, item))
        } {
            let made = work(item);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((i, made));
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            let builder = thread::Builder::new().stack_size(STACK);
            // Where there is no further thread, this one does it all.
            let _ = builder.spawn_scoped(scope, one);
        }
        one();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_order_of_the_items_is_kept() {
        let items: Vec<usize> = (0..1000).collect();
        let made = super::map(&items, |n| n * 2);
        assert_eq!(made, (0..1000).map(|n| n * 2).collect::<Vec<_>>());
    }
}
