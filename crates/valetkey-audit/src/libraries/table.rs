//! Names of two parts, found without putting them together first: an audit
//! asks for millions of them.

/// What is known of names such as `requests.Session.get`.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Vec<(Box<str>, T)>>,
    len: usize,
    /// A bit for each last part: most names that an app uses are its own.
    lasts: Vec<u64>,
}

/// Words of 64 bits.
const LASTS: usize = 512;

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
            lasts: vec![0; LASTS],
        }
    }
}

impl<T> Table<T> {
    pub(super) fn insert(&mut self, name: &str, value: T) {
        if self.len >= self.slots.len() {
            self.grow();
        }
        let (_, last) = parts(name);
        let (word, bit) = place(last);
        if let Some(word) = self.lasts.get_mut(word) {
            *word |= bit;
        }
        let at = self.slot(hash(name));
        if let Some(slot) = self.slots.get_mut(at) {
            match slot.iter_mut().find(|(known, _)| known.as_ref() == name) {
                Some((_, old)) => *old = value,
                None => {
                    slot.push((name.into(), value));
                    self.len += 1;
                }
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let slot = self.slots.get(self.slot(hash(name)))?;
        slot.iter()
            .find(|(n, _)| n.as_ref() == name)
            .map(|(_, v)| v)
    }

    /// Whether any name may end with this one.
    pub(super) fn may_end(&self, last: &str) -> bool {
        let last = last.rsplit('.').next().unwrap_or(last);
        let (word, bit) = place(last);
        self.lasts.get(word).is_some_and(|w| w & bit != 0)
    }

    /// The same as for `of`, a dot and `name`.
    pub(super) fn member(&self, of: &str, name: &str) -> Option<&T> {
        if name.contains('.') {
            return self.get(&format!("{of}.{name}"));
        }
        let (word, bit) = place(name);
        if self.lasts.get(word)? & bit == 0 {
            return None;
        }
        let slot = self.slots.get(self.slot(hash_of(of, name)))?;
        let same = |known: &str| {
            let rest = known.strip_prefix(of).and_then(|r| r.strip_prefix('.'));
            rest == Some(name)
        };
        slot.iter().find(|(n, _)| same(n)).map(|(_, v)| v)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(256);
        let old = std::mem::take(&mut self.slots);
        self.slots.resize_with(size, Vec::new);
        for (name, value) in old.into_iter().flatten() {
            let at = self.slot(hash(&name));
            if let Some(slot) = self.slots.get_mut(at) {
                slot.push((name, value));
            }
        }
    }

    /// There are as many slots as a power of two.
    fn slot(&self, hash: u64) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        usize::try_from(hash >> 32).unwrap_or(0) & mask
    }
}

/// What stands before the last dot, and behind it.
fn parts(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

fn hash(name: &str) -> u64 {
    let (of, name) = parts(name);
    hash_of(of, name)
}

/// Where the bit of a last part is.
fn place(last: &str) -> (usize, u64) {
    let hash = hash_of("", last);
    let word = usize::try_from(hash >> 40).unwrap_or(0) % LASTS;
    (word, 1 << ((hash >> 34) % 64))
}

/// Quick rather than hard to foresee: the names are our own.
fn hash_of(of: &str, name: &str) -> u64 {
    let mut hash = 0_u64;
    for part in [of, name] {
        let (words, rest) = part.as_bytes().as_chunks::<8>();
        for word in words {
            hash = mixed(hash, u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(0, |w, b| w << 8 | u64::from(*b));
            hash = mixed(hash, word);
        }
    }
    hash ^ hash >> 29
}

fn mixed(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn a_name_is_found_whole_and_in_two_parts() {
        let mut table = Table::default();
        for n in 0..1000 {
            table.insert(&format!("a.b{n}.c"), n);
        }
        assert_eq!(table.len(), 1000);
        assert_eq!(table.get("a.b7.c"), Some(&7));
        assert_eq!(table.member("a.b7", "c"), Some(&7));
        assert_eq!(table.member("a", "b7.c"), Some(&7));
        assert_eq!(table.member("a.b7", "d"), None);
        assert_eq!(table.member("", "a.b7.c"), None);
        table.insert("a.b7.c", 8);
        assert_eq!((table.get("a.b7.c"), table.len()), (Some(&8), 1000));
        assert_eq!(Table::<u8>::default().get("a"), None);
    }
}
