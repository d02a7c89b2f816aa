//! What a finding rests on, besides the call in which it comes to light: the
//! lines that made what is used there.
//!
//! A redirect shows that an authorization request carries no state; whoever
//! mends it needs the lines in which its URL is put together. They are found
//! by names: from those in the call to where these are given a value, in the
//! same function, the ones around it, or the module.

mod words;

use words::{Matter, Speaks};

use crate::{
    at_sight::contains,
    checks::Found,
    ir::{Expr, ExprKind, Function, Module, Span, Stmt, StmtKind, visit::Visit},
    report::Verdict,
    value::FileId,
};

/// How far names are followed: `redirect(url)`, `url = base + query`,
/// `query = urlencode(params)`.
const ROUNDS: usize = 3;
/// Places that are told besides the call.
const MOST: usize = 4;
/// Names that are followed, and places of each, the last first.
const NAMES: usize = 100;
const PLACES: usize = 20;
/// Words of a place that are looked at.
const WORDS: usize = 2000;
/// Findings of a check in a file of which more than the call is told.
const FOUND: usize = 20;
/// Lines of a place that are told as a whole; of a longer one, those that
/// speak of the matter.
const SHORT: u32 = 3;

/// What is given a value, or defined, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Given<'m> {
    name: &'m str,
    span: Span,
    function: bool,
}

/// Where things are named and given a value, in one file.
#[derive(Debug)]
pub(crate) struct Places<'m> {
    /// What is read: variables and members, by where they stand.
    names: Vec<(u32, &'m str)>,
    /// All words, texts and keys among them, with their lines.
    words: Vec<(u32, u32, &'m str)>,
    given: Vec<Given<'m>>,
    /// What ways depend on, by where it stands.
    tests: Vec<Span>,
    /// The same, and what is given a value.
    reads: Vec<Span>,
    /// Functions and classes by where they begin, each with what is around it.
    homes: Vec<Home<'m>>,
}

/// A function, or a class, whose own variables are not seen around it.
#[derive(Debug, Clone, Copy)]
struct Home<'m> {
    span: Span,
    function: Option<&'m Function>,
    around: Option<usize>,
}

impl<'m> Places<'m> {
    pub(crate) fn of(module: &'m Module) -> Self {
        let mut places = Self {
            names: Vec::new(),
            words: Vec::new(),
            given: Vec::new(),
            tests: Vec::new(),
            reads: Vec::new(),
            homes: Vec::new(),
        };
        module.visit(&mut places);
        places.names.sort_unstable();
        places.words.sort_unstable();
        places.given.sort_unstable();
        let reads = places.given.iter().filter(|g| !g.function);
        let mut reads: Vec<Span> = reads.map(|g| g.span).chain(places.tests.clone()).collect();
        reads.sort_unstable_by_key(|s| s.at);
        places.reads = reads;
        places.tests.sort_unstable_by_key(|s| s.at);
        places.nest();
        places
    }

    /// Says of each function and class which is the innermost around it.
    fn nest(&mut self) {
        self.homes
            .sort_by_key(|h| (h.span.at, u32::MAX - h.span.len));
        let mut open: Vec<usize> = Vec::new();
        for number in 0..self.homes.len() {
            let span = self.homes[number].span;
            while open
                .last()
                .is_some_and(|o| !holds(self.homes[*o].span, span))
            {
                open.pop();
            }
            self.homes[number].around = open.last().copied();
            open.push(number);
        }
    }

    /// Adds to findings the lines that they rest on.
    pub(crate) fn tell(&self, check: &str, file: FileId, found: &mut [Found]) {
        let places = found.iter_mut().filter(|f| f.span.len > 0);
        for finding in places.take(FOUND) {
            let (place, passed) = (finding.span, finding.verdict == Verdict::Pass);
            let mut tell = |lines: Vec<Span>| {
                let lines = lines.into_iter().map(|span| (file, span));
                finding.beside.extend(lines);
            };
            if let Some(speaks) = words::of(check) {
                tell(self.behind(place, speaks));
            }
            let near = match check {
                "state-verified" => {
                    let near = self.near(place, &self.reads, words::is_state);
                    match near.is_empty() {
                        true => self
                            .around(place)
                            .map(|f| f.span.head())
                            .into_iter()
                            .collect(),
                        false => near,
                    }
                }
                "token-not-leaked" if passed => self.used(place),
                "error-handled" => self.near(place, &self.tests, words::is_failure),
                _ => continue,
            };
            tell(near);
        }
    }

    /// What becomes of the tokens after an exchange: the next lines of its
    /// function that name one.
    fn used(&self, place: Span) -> Vec<Span> {
        let Some(home) = self.around(place) else {
            return Vec::new();
        };
        let begin = place.at.saturating_add(place.len);
        let end = home.span.at.saturating_add(home.span.len);
        let after = Span {
            at: begin,
            len: end.saturating_sub(begin),
            ..place
        };
        let after = within_lines(&self.words, after);
        let mut lines: Vec<u32> = after
            .filter(|(_, _, word)| contains(word, "token"))
            .map(|(_, line, _)| *line)
            .collect();
        lines.sort_unstable();
        lines.dedup();
        let used = lines.into_iter().take(2);
        used.map(|line| Span {
            start: line,
            end: line,
            ..place
        })
        .collect()
    }

    /// Those places that speak of something in the function around an exchange
    /// of the code: there the state is compared, or not.
    fn near(&self, place: Span, among: &[Span], speaks: fn(&str) -> bool) -> Vec<Span> {
        let Some(home) = self.around(place) else {
            return Vec::new();
        };
        let first = among.partition_point(|s| s.at < home.span.at);
        let end = home.span.at.saturating_add(home.span.len);
        let mut told: Vec<Span> = among[first..]
            .iter()
            .take_while(|s| s.at < end)
            .take(WORDS)
            .copied()
            .filter(|s| !holds(*s, place))
            .filter(|s| within_lines(&self.words, *s).any(|(_, _, w)| speaks(w)))
            .collect();
        told.sort_unstable_by_key(|s| place.at.abs_diff(s.at));
        told.truncate(MOST);
        told
    }

    /// Where what is used at a place was given its value, as far as it has to
    /// do with the matter: what speaks of it, or else what speaks of the
    /// request that it belongs to; what is nearest first.
    fn behind(&self, place: Span, speaks: Speaks) -> Vec<Span> {
        let mut told: Vec<(Matter, usize, u32, Span)> = Vec::new();
        let mut known: Vec<&str> = Vec::new();
        let mut work: Vec<&str> = within(&self.names, place).collect();
        for round in 0..ROUNDS {
            let mut next = Vec::new();
            for name in work {
                if known.contains(&name) || known.len() > NAMES {
                    continue;
                }
                known.push(name);
                for Given { span, function, .. } in self.given_to(name, place) {
                    for (matter, lines) in self.lines(name, span, speaks) {
                        told.push((matter, round, place.at.abs_diff(lines.at), lines));
                    }
                    if !function {
                        next.extend(within(&self.names, span));
                    }
                }
                if let (Some(matter), Some(head)) = (speaks(name), self.parameter(name, place)) {
                    told.push((matter, round, 0, head));
                }
            }
            work = next;
        }
        told.sort_unstable();
        let best = told.first().map(|(matter, ..)| *matter);
        let best = told.into_iter().take_while(|t| Some(t.0) == best);
        best.map(|(.., lines)| lines).take(MOST).collect()
    }

    /// Where a name that can be seen at a place is given a value before it: in
    /// the functions around it, or else in the module.
    fn given_to(&self, name: &str, place: Span) -> Vec<Given<'m>> {
        let first = self.given.partition_point(|g| g.name < name);
        let last = self.given.partition_point(|g| g.name <= name);
        let all = self.given[first..last].iter().rev().copied();
        let all = all.filter(|g| !holds(g.span, place));
        let (own, module): (Vec<_>, Vec<_>) = all
            .filter_map(|g| match self.home(g.span) {
                _ if g.function => Some((g, false)),
                Some(home) => {
                    (holds(home.span, place) && g.span.at < place.at).then_some((g, true))
                }
                None => Some((g, false)),
            })
            .take(PLACES)
            .partition(|(_, own)| *own);
        let seen = if own.is_empty() { module } else { own };
        seen.into_iter().map(|(g, _)| g).collect()
    }

    /// The innermost function or class around a place.
    fn home(&self, place: Span) -> Option<Home<'m>> {
        self.around_by(place, |_| true)
    }

    /// The innermost function around a place.
    fn around(&self, place: Span) -> Option<&'m Function> {
        self.around_by(place, |h| h.function.is_some())?.function
    }

    fn around_by(&self, place: Span, wanted: impl Fn(&Home<'m>) -> bool) -> Option<Home<'m>> {
        let before = self.homes.partition_point(|h| h.span.at <= place.at);
        let mut next = before.checked_sub(1);
        while let Some(home) = next.map(|n| self.homes[n]) {
            if holds(home.span, place) && wanted(&home) {
                return Some(home);
            }
            next = home.around;
        }
        None
    }

    /// The head of the function around a place, where a parameter bears the name.
    fn parameter(&self, name: &str, place: Span) -> Option<Span> {
        let function = self.around(place)?;
        let named = function.params.iter().any(|p| p.name == name);
        named.then(|| function.span.head())
    }

    /// The lines in which a value is given that speak of the matter; a short
    /// place as a whole.
    fn lines(&self, name: &str, span: Span, speaks: Speaks) -> Vec<(Matter, Span)> {
        let whole = speaks(name);
        let said = within_lines(&self.words, span);
        let mut said: Vec<(Matter, u32)> = said
            .filter_map(|(_, line, word)| Some((speaks(word)?, *line)))
            .collect();
        said.sort_unstable();
        said.dedup();
        if span.end.saturating_sub(span.start) < SHORT {
            let best = said.first().map(|(matter, _)| *matter).into_iter();
            return best
                .chain(whole)
                .min()
                .map(|m| (m, span))
                .into_iter()
                .collect();
        }
        let line = |line: u32| Span {
            start: line,
            end: line,
            ..span
        };
        if said.is_empty() {
            return whole.map(|m| (m, line(span.start))).into_iter().collect();
        }
        said.into_iter().map(|(m, at)| (m, line(at))).collect()
    }

    fn gives(&mut self, target: &'m Expr, span: Span) {
        match &target.kind {
            ExprKind::List(all) | ExprKind::Other(all) => {
                for one in all {
                    self.gives(one, span);
                }
            }
            _ => self.given.extend(root(target).map(|name| Given {
                name,
                span,
                function: false,
            })),
        }
    }
}

impl<'m> Visit<'m> for Places<'m> {
    fn statement(&mut self, statement: &'m Stmt) {
        let span = statement.span;
        match &statement.kind {
            StmtKind::Assign { targets, value } => {
                // A declaration may stand for its name only.
                let span = joined(span, value.span);
                for target in targets {
                    self.gives(target, span);
                }
            }
            StmtKind::Augment { target, .. } => self.gives(target, span),
            StmtKind::If { test, .. } | StmtKind::While { test, .. } => self.tests.push(test.span),
            StmtKind::With { items, .. } => {
                for (value, target) in items {
                    target.iter().for_each(|t| self.gives(t, value.span));
                }
            }
            // Its own variables are not seen around it.
            StmtKind::Class(class) => {
                let body = class.body.first().zip(class.body.last());
                self.homes.extend(body.map(|(first, last)| Home {
                    span: joined(first.span, last.span),
                    function: None,
                    around: None,
                }));
            }
            // `params.set("state", state)`.
            StmtKind::Expr(e) => {
                if let Some(call) = called(e)
                    && let ExprKind::Attr(of, _) = &call.kind
                {
                    self.gives(of, span);
                }
            }
            _ => {}
        }
    }

    fn expr(&mut self, e: &'m Expr) {
        let Span { at, start, .. } = e.span;
        match &e.kind {
            ExprKind::Name(name) | ExprKind::Attr(_, name) => {
                self.names.push((at, name));
                self.words.push((at, start, name));
            }
            ExprKind::Str(text) => self.words.push((at, start, text)),
            ExprKind::Bind(name, _) => self.given.push(Given {
                name,
                span: e.span,
                function: false,
            }),
            _ => {}
        }
    }

    fn given(&mut self, name: &'m str, value: &'m Expr) {
        self.words.push((value.span.at, value.span.start, name));
    }

    fn function(&mut self, function: &'m Function) {
        self.homes.push(Home {
            span: function.span,
            function: Some(function),
            around: None,
        });
        self.given.push(Given {
            name: &function.name,
            span: function.span,
            function: true,
        });
    }
}

/// What is called, whatever becomes of the answer.
fn called(e: &Expr) -> Option<&Expr> {
    match &e.kind {
        ExprKind::Call(call) => Some(&call.func),
        ExprKind::Fallible(inner, _) | ExprKind::Ref(inner) => called(inner),
        _ => None,
    }
}

/// The variable that is given something, or changed; a member, of the object
/// that a method belongs to.
fn root(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Attr(of, name) => match &of.kind {
            ExprKind::Name(of) if matches!(of.as_str(), "self" | "this" | "cls") => Some(name),
            _ => root(of),
        },
        ExprKind::Index(of, _)
        | ExprKind::Fallible(of, _)
        | ExprKind::Ref(of)
        | ExprKind::Spread(of) => root(of),
        ExprKind::Call(call) => root(&call.func),
        _ => None,
    }
}

/// From where the first begins to where the last ends.
fn joined(a: Span, b: Span) -> Span {
    let end = |s: Span| s.at.saturating_add(s.len);
    if b.len == 0 {
        return a;
    }
    let at = a.at.min(b.at);
    Span {
        start: a.start.min(b.start),
        end: a.end.max(b.end),
        at,
        len: end(a).max(end(b)) - at,
    }
}

/// Whether one place is within another.
fn holds(outer: Span, inner: Span) -> bool {
    outer.at <= inner.at && inner.at.saturating_add(inner.len) <= outer.at.saturating_add(outer.len)
}

fn within<'m>(sorted: &[(u32, &'m str)], place: Span) -> impl Iterator<Item = &'m str> {
    let first = sorted.partition_point(|(at, _)| *at < place.at);
    let end = place.at.saturating_add(place.len);
    let all = sorted[first..].iter().take(WORDS);
    all.take_while(move |(at, _)| *at < end)
        .map(|(_, name)| *name)
}

fn within_lines<'a, 'm>(
    sorted: &'a [(u32, u32, &'m str)],
    place: Span,
) -> impl Iterator<Item = &'a (u32, u32, &'m str)> {
    let first = sorted.partition_point(|(at, ..)| *at < place.at);
    let end = place.at.saturating_add(place.len);
    let all = sorted[first..].iter().take(WORDS);
    all.take_while(move |(at, ..)| *at < end)
}
