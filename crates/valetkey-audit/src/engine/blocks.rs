//! Blocks: functions that belong to what is around them, as in Ruby.

use std::{collections::BTreeMap, rc::Rc};

use super::{Engine, Eval, Frame, Unwind, args::Args};
use crate::{
    facts::EventKind,
    ir::{Function, Span, Star},
    libraries::CallModel,
    value::{Closure, FileId, Kind, Value},
};

/// The name under which a call carries its block.
const GIVEN: &str = "&";

type Named = Vec<(String, Value)>;

impl Engine<'_> {
    /// To everything but a function of the app, a block is the last argument.
    pub(super) fn with_block(
        &mut self,
        func: &Value,
        mut args: Vec<Value>,
        mut named: Named,
    ) -> (Vec<Value>, Named) {
        let own = matches!(func.kind, Kind::Func(_) | Kind::Class(_));
        if self.traits.blocks
            && !own
            && let Some(at) = named.iter().position(|(k, _)| k == GIVEN)
        {
            args.push(named.remove(at).1);
        }
        (args, named)
    }

    /// The frame of a function that is about to run.
    pub(super) fn prepare(
        &mut self,
        closure: &Rc<Closure>,
        frame: &mut Frame,
        mut args: Vec<Value>,
        mut named: Named,
    ) -> (Vec<Value>, Named) {
        self.calls += 1;
        frame.id = self.calls;
        frame.home = match closure.home {
            0 => frame.id,
            home => home,
        };
        let Some(own) = self.traits.own_name else {
            return (args, named);
        };
        // A method of the file is one of whoever calls it.
        let receiver = match &closure.receiver {
            Some(receiver) => Some(receiver.clone()),
            None if closure.class.is_none() && closure.home == 0 => self.own_object(),
            None => None,
        };
        if let Some(receiver) = receiver {
            Rc::make_mut(&mut frame.locals).insert(own.to_owned(), receiver);
        }
        let params = &closure.function.params;
        if !params.iter().any(|p| p.name == GIVEN) {
            named.retain(|(k, _)| k != GIVEN);
        }
        if closure.home != 0
            && params.iter().filter(|p| p.star == Star::No).count() > 1
            && let [only] = args.as_slice()
            && let Kind::List(_) = only.kind
        {
            args = self.unpack(only, params.len());
        }
        (args, named)
    }

    /// Names that no parameter has are a mapping at the end.
    pub(super) fn rest_as_mapping(
        &mut self,
        function: &Function,
        mut rest: Named,
        missing: &mut Vec<(String, Option<usize>)>,
        frame: &mut Frame,
    ) {
        rest.retain(|(k, _)| k != GIVEN);
        if rest.is_empty() {
            return;
        }
        let free = missing
            .iter()
            .position(|(name, _)| name != GIVEN && function.params.iter().any(|p| p.name == *name));
        if let Some(free) = free {
            let (name, _) = missing.remove(free);
            let fields: BTreeMap<String, Value> = rest.into_iter().collect();
            let value = self.dict(fields);
            Rc::make_mut(&mut frame.locals).insert(name, value);
        }
    }

    /// What a block changed of what is around it.
    pub(super) fn written_back(&mut self, closure: &Rc<Closure>, frame: &Frame) {
        if !self.traits.blocks && self.traits.callbacks {
            self.changed_around(closure, frame);
            return;
        }
        if !self.traits.blocks || closure.home == 0 {
            return;
        }
        let Some(around) = &closure.around else {
            return;
        };
        for (name, value) in frame.locals.iter() {
            let own = Some(name.as_str()) == self.traits.own_name
                || closure.function.params.iter().any(|p| p.name == *name);
            if own || around.get(name).is_none() {
                continue;
            }
            let home = self.frames.iter_mut().rev().find(|f| {
                f.home == closure.home && (f.locals.contains_key(name) || f.id == f.home)
            });
            if let Some(home) = home.filter(|f| f.locals.contains_key(name)) {
                Rc::make_mut(&mut home.locals).insert(name.clone(), value.clone());
            }
        }
    }

    /// Variables of functions around that a function gives a new value. Where
    /// the function around has ended, all requests share them.
    fn changed_around(&mut self, closure: &Rc<Closure>, frame: &Frame) {
        let changed = frame.globals.iter().filter_map(|g| g.strip_prefix('^'));
        for name in changed {
            let Some(value) = frame.locals.get(name).cloned() else {
                continue;
            };
            let file = frame.file;
            let home = self
                .frames
                .iter_mut()
                .rev()
                .find(|f| f.file == file && f.locals.contains_key(name));
            match home {
                Some(home) => {
                    Rc::make_mut(&mut home.locals).insert(name.to_owned(), value);
                }
                None if self.shares_around && closure.around.is_some() => {
                    let value = self.settled(&value);
                    let name = name.to_owned();
                    self.emit(EventKind::StoreWrite { name, value }, closure.function.span);
                }
                None => {}
            }
        }
    }

    /// Whether a block changes a variable of its file.
    pub(super) fn is_of_file(&self, file: FileId, name: &str) -> bool {
        let Some(frame) = self.frames.last() else {
            return false;
        };
        self.traits.blocks
            && frame.around.is_none()
            && frame.class.is_none()
            && frame.home != frame.id
            && !frame.locals.contains_key(name)
            && self
                .modules
                .get(file)
                .and_then(Option::as_ref)
                .is_some_and(|m| m.contains_key(name))
    }

    /// What is not known calls the block that it is given, and is worth what
    /// that is.
    pub(super) fn yielded(&mut self, functions: &[Value], given: Value, at: Span) -> Eval<Value> {
        let mut made = given.clone();
        for function in functions {
            let Kind::Func(closure) = &function.kind else {
                continue;
            };
            let mut args = Vec::new();
            for param in &closure.function.params {
                let known = self.libraries.param(&param.name, "");
                let known = known.filter(|is| *is != "map:params").map(str::to_owned);
                args.push(match known {
                    Some(is) => self.known_attr(&is, at),
                    None => given.clone(),
                });
            }
            let value = self.call_value(function, args, Vec::new(), at)?;
            if !value.is_none() {
                made = value;
            }
        }
        Ok(made)
    }

    /// A known call with a block: the block is told what the call makes.
    pub(super) fn blocked(
        &mut self,
        model: &'static CallModel,
        callback: Option<&Value>,
        made: Value,
        at: Span,
    ) -> Eval<Value> {
        let Some(function) = callback.filter(|v| matches!(v.kind, Kind::Func(_))) else {
            return Ok(made);
        };
        // What it says does not hold where the app is used.
        if let (Some("never"), Kind::Func(f)) =
            (model.facts.get("block").map(String::as_str), &function.kind)
        {
            self.known.remove(&(f.file, f.function.span.at));
        }
        if model.facts.contains_key("configures") || model.facts.contains_key("block") {
            if model.facts.get("block").is_none_or(|b| b != "value") {
                return Ok(made);
            }
            return self.yielded(std::slice::from_ref(function), made, at);
        }
        let value = self.yielded(std::slice::from_ref(function), made.clone(), at)?;
        if model.does == crate::libraries::Does::Log {
            let value = self.settled(&value);
            self.emit(crate::facts::EventKind::Log { value }, at);
        }
        Ok(made)
    }

    /// A block that says what a call is to be made with: its object's fields
    /// are arguments, too. Or one that says what holds where there is nothing.
    pub(super) fn configured(
        &mut self,
        model: &'static CallModel,
        mut positional: Vec<Value>,
        mut named: Named,
        at: Span,
    ) -> Eval<(Vec<Value>, Named)> {
        // A mapping without braces.
        if let Some(param) = model.facts.get("mapping")
            && !named.is_empty()
            && model.params.iter().position(|p| p == param) >= Some(positional.len())
        {
            let fields = std::mem::take(&mut named).into_iter().collect();
            named.push((param.clone(), self.dict(fields)));
        }
        if !self.traits.blocks || !matches!(positional.last().map(|v| &v.kind), Some(Kind::Func(_)))
        {
            return Ok((positional, named));
        }
        if let Some(class) = model.facts.get("configures") {
            let object = self.object(class, Vec::new());
            let function = positional.pop().unwrap_or_else(Value::none);
            self.call_value(&function, vec![object.clone()], Vec::new(), at)?;
            named.extend(self.flat_once(&object));
        } else if model.facts.get("block").is_some_and(|b| b == "default") {
            let function = positional.pop().unwrap_or_else(Value::none);
            match self.call_value(&function, Vec::new(), Vec::new(), at) {
                Ok(value) => named.push(("default".into(), value)),
                Err(Unwind::Stop) => return Err(Unwind::Stop),
                // `ENV.fetch("ID") { raise "…" }`: nothing stands in for it.
                Err(_) => {}
            }
        }
        Ok((positional, named))
    }

    /// The pairs of a mapping; the items of anything else.
    pub(super) fn each_pair(&mut self, of: &Value, at: Span) -> Vec<Value> {
        let fields = self.fields(of);
        if !matches!(of.kind, Kind::Dict(_)) || fields.is_empty() {
            return self.items(of, at);
        }
        fields
            .into_iter()
            .map(|(key, value)| self.list(vec![Value::str(&key), value]))
            .collect()
    }

    /// The functions and the names of methods among some arguments.
    pub(super) fn named_functions(&self, args: &Args) -> (Vec<Value>, Vec<String>) {
        let functions = args.positional.iter();
        let functions = functions.filter(|v| matches!(v.kind, Kind::Func(_)));
        let names = args.positional.iter().filter_map(Value::as_str);
        (
            functions.cloned().collect(),
            names.map(str::to_owned).collect(),
        )
    }
}
