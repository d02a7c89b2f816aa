//! Names of two parts, found without putting them together first: an audit
//! asks for millions of them.

/// What is known of names such as `requests.Session.get`.
#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Vec<(Box<str>, T)>>,
    len: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Table<T> {
    pub(super) fn insert(&mut self, name: &str, value: T) {
        if self.len >= self.slots.len() {
            self.grow();
        }
        let at = self.slot(hash(name.bytes()));
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
        let slot = self.slots.get(self.slot(hash(name.bytes())))?;
        slot.iter().find(|(n, _)| n.as_ref() == name).map(|(_, v)| v)
    }

    /// The same as for `of`, a dot and `name`.
    pub(super) fn member(&self, of: &str, name: &str) -> Option<&T> {
        let bytes = of.bytes().chain([b'.']).chain(name.bytes());
        let slot = self.slots.get(self.slot(hash(bytes)))?;
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
            let at = self.slot(hash(name.bytes()));
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

/// FNV-1a, spread: the names are our own, so that nobody chooses them.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
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
