//! Statements.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use super::{
    Engine, Eval, ITEMS, Mode, Unwind,
    raised::{catches, raised},
};
use crate::{
    facts::{EventKind, Handed},
    ir::{Block, Class, Expr, ExprKind, Function, Handler, Span, Stmt, StmtKind},
    value::{ClassValue, Closure, Kind, Origin, Scope, Taint, Value},
};

impl Engine<'_> {
    pub(super) fn block(&mut self, block: &Block) -> Eval<()> {
        for statement in block {
            self.statement(statement)?;
        }
        Ok(())
    }

    pub(super) fn one(&mut self, statement: &Stmt) -> Eval<()> {
        self.statement(statement)
    }

    fn statement(&mut self, statement: &Stmt) -> Eval<()> {
        self.step()?;
        let at = statement.span;
        match &statement.kind {
            // A text on its own is documentation.
            StmtKind::Expr(e) if matches!(e.kind, ExprKind::Str(_)) => {}
            StmtKind::Expr(e) => {
                self.eval(e)?;
            }
            StmtKind::Assign { targets, value } => {
                let value = self.eval(value)?;
                for target in targets {
                    self.assign(target, value.clone())?;
                }
            }
            StmtKind::Augment { target, value } => {
                let added = self.eval(value)?;
                let old = self.eval(target)?;
                // `params |= {…}`.
                if matches!(
                    (&old.kind, &added.kind),
                    (Kind::Dict(_) | Kind::Map(_), Kind::Dict(_))
                ) {
                    for (key, value) in self.fields(&added) {
                        self.set_index(&old, &Value::str(&key), value, at);
                    }
                    return Ok(());
                }
                let new = self.concat(old, added, at);
                self.assign(target, new)?;
            }
            StmtKind::If {
                test,
                then,
                otherwise,
            } => self.branch(test, then, otherwise)?,
            StmtKind::While { test, body } => {
                if let (_, true) = self.test(test)? {
                    if self.traits.typed {
                        self.endless(test, body)?;
                    } else if !self.looped(body)? {
                        self.goes_round(test)?;
                    }
                }
            }
            StmtKind::For { target, iter, body } => {
                let items = self.eval(iter)?;
                for item in self.items(&items, at).into_iter().take(ITEMS) {
                    self.assign(target, item)?;
                    match self.block(body) {
                        Err(Unwind::Break) => break,
                        Ok(()) | Err(Unwind::Continue) => {}
                        Err(other) => return Err(other),
                    }
                }
            }
            StmtKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                self.attempt(body, handlers, otherwise, finally, at)?;
            }
            StmtKind::With { items, body } => {
                for (value, target) in items {
                    let value = self.eval(value)?;
                    if let Some(target) = target {
                        self.assign(target, value)?;
                    }
                }
                self.block(body)?;
            }
            StmtKind::Return(value) => {
                let value = match value {
                    Some(e) => self.eval(e)?,
                    None => Value::none(),
                };
                if self.mode == Mode::Discover {
                    self.left_under.clear();
                    self.left_under
                        .extend(self.guards.iter().flatten().copied());
                }
                return Err(Unwind::Return(value));
            }
            StmtKind::Raise(value) => {
                let name = match value {
                    Some(e) => {
                        self.eval(e)?;
                        raised(e)
                    }
                    None => "Exception".into(),
                };
                if name.as_ref() == "TypeError" {
                    self.panics_on_refusal(at);
                }
                return Err(Unwind::Raise(name));
            }
            StmtKind::Leave(value) => {
                let value = match value {
                    Some(e) => self.eval(e)?,
                    None => Value::none(),
                };
                let home = self.frames.last().map_or(0, |f| f.home);
                return Err(Unwind::Leave(home, value));
            }
            StmtKind::Break => return Err(Unwind::Break),
            StmtKind::Continue => return Err(Unwind::Continue),
            StmtKind::Function(function) => self.define(function)?,
            StmtKind::Class(class) => {
                let value = match self.traits.own_name {
                    Some(_) => self.class_run(class)?,
                    None => self.class(class)?,
                };
                self.set_name(&class.name, value, at);
            }
            StmtKind::Import(imports) => self.import(imports),
            StmtKind::Global(names) => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.globals.extend(names.iter().cloned());
                }
            }
            StmtKind::Delete(gone) => {
                for e in gone {
                    if let ExprKind::Index(of, key) = &e.kind {
                        let of = self.eval(of)?;
                        let key = self.eval(key)?;
                        let gone = self.traits.missing_is_none.then(Value::none);
                        self.remove(&of, &key, gone, e.span)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Once through a loop; whether that left it for good.
    fn looped(&mut self, body: &Block) -> Eval<bool> {
        match self.block(body) {
            Ok(()) | Err(Unwind::Continue) => Ok(false),
            Err(Unwind::Break) => Ok(true),
            Err(other) => Err(other),
        }
    }

    fn branch(&mut self, test: &Expr, then: &Block, otherwise: &Block) -> Eval<()> {
        if self.mode == Mode::Load {
            let value = self.eval(test)?;
            let known = self.truth(&value);
            // Both sides run, and neither ends the module.
            let guard = self.deep_taint(&value);
            if known.is_none() && !matches!(value.kind, Kind::Sym) {
                self.claims_judged(&guard, test.span);
            }
            let outer = self.switch.clone();
            let own = self.switched_by(&value);
            let decides = own.is_some();
            self.switch = own.or_else(|| outer.clone());
            self.guards.push(guard);
            let mut done = Ok(());
            if known != Some(false) {
                done = self.quietly(then);
            }
            if let (true, Some((_, Some(on)))) = (decides, &mut self.switch) {
                *on = !*on;
            }
            if let (true, None, Err(Unwind::Return(value))) = (self.traits.packages, known, &done) {
                let value = value.clone();
                self.early(value);
                done = Ok(());
            }
            if known != Some(true) && done.is_ok() {
                done = self.quietly(otherwise);
            }
            self.guards.pop();
            self.switch = outer;
            return done;
        }
        let (value, truth) = self.test(test)?;
        // Which scheme a URL has is no setting of its own.
        let guard = match &test.kind {
            ExprKind::Compare(_, a, b) if is_scheme(a) || is_scheme(b) => Taint::new(),
            _ => self.deep_taint(&value),
        };
        let mut guard = guard;
        // Where all went well, there is no error in a token's stead.
        if super::success::says(test) == Some(truth) {
            let origins = &self.origins;
            guard.retain(|id| {
                !matches!(
                    origins.of(*id),
                    Origin::TokenMeta | Origin::TokenResponse | Origin::AccessToken
                )
            });
        }
        self.guards.push(guard);
        let done = self.block(if truth { then } else { otherwise });
        self.guards.pop();
        done
    }

    /// While modules load: what would end them is passed over, except in a
    /// function that they call.
    pub(super) fn quietly(&mut self, block: &Block) -> Eval<()> {
        let module = self.frames.last().is_some_and(|f| f.module);
        match self.block(block) {
            Err(Unwind::Raise(_)) => Ok(()),
            Err(Unwind::Return(_) | Unwind::Leave(..)) if module => Ok(()),
            other => other,
        }
    }

    /// The value of a condition, and which way it goes.
    pub(super) fn test(&mut self, e: &Expr) -> Eval<(Value, bool)> {
        let value = self.eval(e)?;
        let truth = self.truth_or_decide(&value, e.span);
        Ok((value, truth))
    }

    pub(super) fn truth_or_decide(&mut self, value: &Value, span: Span) -> bool {
        if let Some(known) = self.truth(value) {
            return known;
        }
        if let (Kind::Sym, Some(id)) = (&value.kind, value.taint.first()) {
            if let Some(memo) = self.memo.get(id) {
                return *memo;
            }
            let id = *id;
            let choice = self.decide(span);
            self.memo.insert(id, choice);
            self.checked_token(value, span);
            return choice;
        }
        let taint = self.deep_taint(value);
        let weak = self.any(&taint, |o| *o == Origin::Begins);
        // Whoever compares the state looks at no page that is kept beside it.
        let state = |o: &Origin| matches!(o, Origin::Param(p) if p == "state");
        // Nor does whoever looks whether the app has signed what a cookie says.
        let of_state = self.traits.packages && self.any(&taint, state)
            || self.any(&taint, |o| *o == Origin::Hash);
        for id in &taint {
            // That it is there says nothing about what it is.
            let kept =
                |o: &Origin| matches!(o, Origin::Cookie(_) | Origin::Session(_) | Origin::Store(_));
            if weak
                || of_state && kept(self.origins.of(*id))
                || matches!(value.kind, Kind::Alt(_))
                    && (matches!(self.origins.of(*id), Origin::Param(_) | Origin::Header(_))
                        || self.traits.typed && kept(self.origins.of(*id)))
            {
                continue;
            }
            if !self.inspected.contains(id) {
                self.inspected.push(*id);
            }
        }
        if self.mode == Mode::Scenario
            && self.any(
                &taint,
                |o| matches!(o, crate::value::Origin::Param(p) if p == "state"),
            )
        {
            self.decides_on_state(value);
        }
        self.checked_token(value, span);
        self.claims_judged(&taint, span);
        self.decide(span)
    }

    fn attempt(
        &mut self,
        body: &Block,
        handlers: &[Handler],
        otherwise: &Block,
        finally: &Block,
        at: Span,
    ) -> Eval<()> {
        let before = self.events.len();
        let mut done = self.block(body);
        if done.is_ok() {
            done = self.block(otherwise);
        }
        self.missing_token_met(before, handlers, at);
        let ended = match &done {
            Err(Unwind::Raise(name)) => Some(name.clone()),
            _ => None,
        };
        if let Some(name) = ended {
            if let Some(handler) = handlers.iter().find(|h| catches(h, &name)) {
                done = self.handle(handler);
            }
        } else if self.mode != Mode::Scenario && !matches!(done, Err(Unwind::Stop)) {
            // Any call may fail: each handler is looked at on a way of its own.
            for (i, handler) in handlers.iter().enumerate() {
                let site = Span {
                    at: at.at.wrapping_add(1 + i as u32),
                    ..at
                };
                let fails = if self.mode == Mode::Load {
                    false
                } else {
                    !self.decide(site)
                };
                if fails {
                    done = self.handle(handler);
                    break;
                }
            }
        }
        if !finally.is_empty() {
            self.block(finally)?;
        }
        done
    }

    fn handle(&mut self, handler: &Handler) -> Eval<()> {
        if let Some(name) = &handler.name {
            let error = self.error_caught();
            self.set_name(name, error, Span::default());
        }
        match self.block(&handler.body) {
            // `raise` alone passes it on.
            Err(Unwind::Raise(name)) => Err(Unwind::Raise(name)),
            other => other,
        }
    }

    fn define(&mut self, function: &Arc<Function>) -> Eval<()> {
        let around = self.surroundings();
        let closure = Rc::new(Closure {
            function: function.clone(),
            file: self.file(),
            around,
            receiver: None,
            class: None,
            home: 0,
        });
        let mut route = false;
        for decorator in &function.decorators {
            route |= self.is_route(decorator);
            self.eval(decorator)?;
        }
        self.learn(&closure, route.then(answering));
        self.set_name(
            &function.name,
            Value::new(Kind::Func(closure)),
            function.span,
        );
        Ok(())
    }

    /// What a nested function sees; `None` at the top of a module.
    pub(super) fn surroundings(&self) -> Option<Rc<Scope>> {
        let frame = self.frames.last()?;
        if frame.module {
            return None;
        }
        Some(Rc::new(Scope {
            own: frame.locals.clone(),
            outer: frame.around.clone(),
        }))
    }

    fn class(&mut self, class: &Arc<Class>) -> Eval<Value> {
        let mut bases = Vec::new();
        for base in &class.bases {
            bases.push(self.eval(base)?);
        }
        let file = self.file();
        let around = self.surroundings();
        let mut members = BTreeMap::new();
        for statement in &class.body {
            match &statement.kind {
                StmtKind::Function(function) => {
                    let closure = Rc::new(Closure {
                        function: function.clone(),
                        file,
                        around: around.clone(),
                        receiver: None,
                        class: None,
                        home: 0,
                    });
                    for decorator in &function.decorators {
                        self.eval(decorator)?;
                    }
                    members.insert(function.name.clone(), Value::new(Kind::Func(closure)));
                }
                StmtKind::Assign { targets, value } => {
                    let value = self.eval(value)?;
                    for target in targets {
                        if let ExprKind::Name(name) = &target.kind {
                            self.named(name, &value, target.span);
                            members.insert(name.clone(), value.clone());
                            // Later lines of the class may read it.
                            if let Some(frame) = self.frames.last_mut()
                                && !frame.locals.contains_key(name)
                                && !frame.module
                            {
                                Rc::make_mut(&mut frame.locals).insert(name.clone(), value.clone());
                            }
                        }
                    }
                }
                StmtKind::Class(inner) => {
                    let value = self.class(inner)?;
                    members.insert(inner.name.clone(), value);
                }
                _ => {}
            }
        }
        let value = Rc::new(ClassValue {
            name: class.name.clone(),
            file,
            bases,
            members,
        });
        self.backend(&value, class.body.first().map(|s| s.span));
        for member in value.members.values() {
            if let Kind::Func(f) = &member.kind {
                let route = f.function.decorators.iter().any(|d| self.is_route(d))
                    || self.is_handler(&value, 0)
                        && self.libraries.verbs.contains(&f.function.name)
                    || class.body.iter().any(|s| exposes(s, &f.function.name));
                let closure = Rc::new(Closure {
                    function: f.function.clone(),
                    file,
                    around: f.around.clone(),
                    receiver: None,
                    class: Some(value.clone()),
                    home: 0,
                });
                self.learn(&closure, route.then(answering));
            }
        }
        Ok(Value::new(Kind::Class(value)))
    }

    /// Whether a decorator makes its function answer requests.
    fn is_route(&self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Call(call) => self.is_route(&call.func),
            ExprKind::Name(name) | ExprKind::Attr(_, name) => self.libraries.routes.contains(name),
            _ => false,
        }
    }

    pub(super) fn is_handler(&self, class: &ClassValue, depth: usize) -> bool {
        depth < 6
            && class.bases.iter().any(|base| match &base.kind {
                Kind::Ext(name) => {
                    let last = name.rsplit('.').next().unwrap_or(name);
                    self.libraries
                        .handlers
                        .iter()
                        .any(|h| match h.strip_prefix('*') {
                            Some(end) if end.starts_with('.') => name.ends_with(end),
                            Some(end) => last.ends_with(end),
                            None => h == last || h == name.as_ref(),
                        })
                }
                Kind::Class(inner) => self.is_handler(inner, depth + 1),
                _ => false,
            })
    }

    /// A variable of a function around this one.
    fn is_captured(&self, name: &str) -> bool {
        self.frames.last().is_some_and(|f| {
            !f.locals.contains_key(name) && f.around.as_ref().is_some_and(|a| a.get(name).is_some())
        })
    }

    /// The code or the state of a callback, put where others find it.
    fn kept_for_others(&mut self, target: &Expr, value: &Value) {
        let there = match &target.kind {
            ExprKind::Attr(..) | ExprKind::Index(..) => true,
            ExprKind::Name(name) => self
                .frames
                .last()
                .is_some_and(|f| f.globals.iter().any(|g| g == name)),
            _ => false,
        };
        if !there || self.traits.callbacks || self.traits.typed {
            return;
        }
        for what in ["code", "state"] {
            if self.any(&value.taint, |o| matches!(o, Origin::Param(p) if p == what)) {
                self.emit(EventKind::Kept { what }, target.span);
            }
        }
        if self.any(&value.taint, |o| *o == Origin::Query) {
            self.emit(EventKind::Kept { what: "state" }, target.span);
        }
    }

    pub(super) fn assign(&mut self, target: &Expr, value: Value) -> Eval<()> {
        self.kept_for_others(target, &value);
        match &target.kind {
            ExprKind::Name(name) => {
                if self.traits.packages && self.is_captured(name) {
                    self.left_to_others(&value, target.span)?;
                }
                let value = self.switched(name, value);
                let value = self.called_id_token(name, value, target.span);
                self.named(name, &value, target.span);
                self.set_name(name, value, target.span);
            }
            ExprKind::Attr(of, name) => {
                let of = self.eval(of)?;
                self.named(name, &value, target.span);
                self.set_attr(&of, name, value, target.span);
            }
            ExprKind::Index(of, key) => {
                let of = self.eval(of)?;
                let key = self.eval(key)?;
                if let Some(name) = key.as_str() {
                    let name = name.to_owned();
                    self.named(&name, &value, target.span);
                }
                self.set_index(&of, &key, value, target.span);
            }
            ExprKind::List(targets) => {
                // Too few for so many names.
                if let Kind::List(id) = value.kind
                    && self.traits.own_name.is_none()
                    && !self.traits.missing_is_none
                    && self.mode == Mode::Scenario
                    && self.heap.get(id).is_some_and(|o| {
                        !o.open
                            && o.items.len() < targets.len()
                            && o.items.iter().all(|v| v.as_str().is_some())
                    })
                {
                    return self.raise("ValueError");
                }
                let items = self.unpack(&value, targets.len());
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn set_name(&mut self, name: &str, value: Value, span: Span) {
        let Some(frame) = self.frames.last() else {
            return;
        };
        let module = frame.module;
        let global = frame.globals.iter().any(|g| g == name);
        let file = match frame.file {
            own if global => self.home(own, name),
            own => own,
        };
        let Some(frame) = self.frames.last() else {
            return;
        };
        if module || frame.globals.iter().any(|g| g == name) || self.is_of_file(file, name) {
            if !module {
                return self.set_global(file, name.to_owned(), value, span);
            }
            if let Some(Some(module)) = self.modules.get_mut(file) {
                Rc::make_mut(module).insert(name.to_owned(), value);
            }
        } else if let Some(frame) = self.frames.last_mut() {
            Rc::make_mut(&mut frame.locals).insert(name.to_owned(), value);
        }
    }
}

/// A function that is marked to answer requests with what it returns.
pub(super) fn answering() -> Handed {
    Handed {
        answers: true,
        ..Handed::default()
    }
}

/// `index.exposed = True`, with which CherryPy is told of a handler.
fn exposes(statement: &Stmt, name: &str) -> bool {
    let StmtKind::Assign { targets, value } = &statement.kind else {
        return false;
    };
    matches!(value.kind, ExprKind::Bool(true))
        && targets.iter().any(|target| {
            matches!(&target.kind, ExprKind::Attr(of, member) if member == "exposed"
                && matches!(&of.kind, ExprKind::Name(n) if n == name))
        })
}

fn is_scheme(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Str(s) if s == "https" || s == "http")
}
