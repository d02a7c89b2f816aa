//! Calls: of the app's own functions and classes, inlined; of everything
//! else, by what the libraries' data say.

use std::{collections::BTreeMap, rc::Rc};

use super::{DEPTH, Engine, Eval, Frame, Mode, Unwind, guards::Place};
use crate::{
    facts::{EventKind, Fields},
    ir::{Call, Expr, ExprKind, Span, Star},
    value::{Closure, Kind, Object, Origin, Value},
};

/// A function that was given some of its arguments before.
const PARTIAL: &str = "functools.partial";

impl Engine<'_> {
    pub(super) fn call(&mut self, call: &Call, at: Span) -> Eval<Value> {
        if let Some(value) = self.parent(call, at)? {
            return Ok(value);
        }
        if let Some(value) = self.caught(call, at)? {
            return Ok(value);
        }
        if let (true, ExprKind::Attr(of, name)) = (self.traits.typed, &call.func.kind) {
            let of = self.eval(of)?;
            let func = self.method_of(&of, name, at)?;
            let (args, named) = self.arguments(call)?;
            return match func {
                Some(func) => self.call_value(&func, args, named, at),
                None => self.call_method(&of, name, args, named, at),
            };
        }
        let func = self.callee(&call.func)?;
        // With arguments it is a method, whatever that is called.
        if let (true, ExprKind::Attr(of, name)) = (self.traits.bare_calls, &call.func.kind)
            && matches!(func.kind, Kind::Sym)
            && !call.args.is_empty()
        {
            let of = self.eval(of)?;
            if matches!(of.kind, Kind::Sym) {
                let (args, named) = self.arguments(call)?;
                return self.call_method(&of, name, args, named, at);
            }
        }
        self.call_of(&func, call, at)
    }

    pub(super) fn call_of(&mut self, func: &Value, call: &Call, at: Span) -> Eval<Value> {
        let (args, named) = self.arguments(call)?;
        let lent = self.lends(call, &args);
        self.lent.clone_from(&lent);
        let made = self.call_value(func, args, named, at)?;
        self.refill(call, &lent)?;
        Ok(made)
    }

    pub(super) fn arguments(&mut self, call: &Call) -> Eval<(Vec<Value>, Fields)> {
        let mut args = Vec::new();
        for arg in &call.args {
            match &arg.kind {
                ExprKind::Spread(inner) => {
                    let list = self.eval(inner)?;
                    self.spread_out(&list, &mut args, arg.span);
                }
                _ => args.push(self.eval(arg)?),
            }
        }
        let mut named = Vec::new();
        for (name, value) in &call.named {
            let value = self.eval(value)?;
            match name {
                Some(name) => {
                    // `jwt.decode(token, verify=False)` asks nobody for a certificate.
                    let decodes = matches!(&call.func.kind, ExprKind::Name(f) | ExprKind::Attr(_, f) if f == "decode");
                    if !decodes || name != "verify" {
                        self.named(name, &value, call.func.span);
                    }
                    named.push((name.clone(), value));
                }
                None => named.extend(self.given_by(value)),
            }
        }
        Ok((args, named))
    }

    /// The items of a list; of what is kept elsewhere, the first few.
    fn spread_out(&mut self, list: &Value, args: &mut Vec<Value>, at: Span) {
        const FEW: usize = 4;
        let items = match &list.kind {
            Kind::List(id) => self
                .heap
                .get(*id)
                .filter(|o| !o.open)
                .map(|o| o.items.clone()),
            Kind::Sym if self.bound(list) => Some(
                (0..FEW)
                    .map(|i| self.part(list, &i.to_string(), at))
                    .collect(),
            ),
            _ => None,
        };
        match items {
            Some(items) => args.extend(items),
            None => args.push(Value::derived([&self.settled(list)])),
        }
    }

    pub(super) fn call_value(
        &mut self,
        func: &Value,
        args: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        self.step()?;
        let (args, named) = self.with_block(func, args, named);
        self.site = at;
        match &func.kind {
            Kind::Func(closure)
                if args.len() == 2 && super::asked::is_comparison(&closure.function.name) =>
            {
                self.compares_securely(&closure.clone(), args, at)
            }
            Kind::Func(closure) => self.inline(&closure.clone(), args, named, at),
            Kind::Class(class) => self.instantiate(&class.clone(), args, named, at),
            Kind::Ext(path) => self.call_ext(&path.clone(), args, named, at),
            Kind::Method(method) => {
                let (of, name) = method.as_ref().clone();
                self.call_method(&of, &name, args, named, at)
            }
            Kind::Alt(all) => match all.iter().find(|v| !v.is_none()) {
                Some(one) => self.call_value(&one.clone(), args, named, at),
                None => Ok(Value::unknown()),
            },
            Kind::None => self.raise("TypeError"),
            Kind::Obj(_) if self.is_guard(func) => {
                self.guarded(func, Place::Within, at)?;
                Ok(Value::none())
            }
            Kind::Obj(id)
                if self
                    .heap
                    .get(*id)
                    .is_some_and(|o| o.class.as_ref() == PARTIAL) =>
            {
                let object = self.heap.get(*id).cloned().unwrap_or_default();
                let Some(inner) = object.fields.get("$called").cloned() else {
                    return Ok(Value::unknown());
                };
                let mut given: Fields = object.fields.into_iter().collect();
                given.retain(|(k, _)| k != "$called" && !named.iter().any(|(n, _)| n == k));
                given.extend(named);
                self.call_value(&inner, args, given, at)
            }
            // `await request.json()`.
            Kind::Map(_) => Ok(func.clone()),
            _ => {
                if let Some(value) = self.read_by(func, None, &args, &named, at)? {
                    return Ok(value);
                }
                if let Some(value) = self.hand_over(func, &args, at)? {
                    return Ok(value);
                }
                Ok(self.foreign(func, &args, &named))
            }
        }
    }

    /// What nobody knows is made of what it was given.
    pub(super) fn foreign(
        &mut self,
        of: &Value,
        args: &[Value],
        named: &[(String, Value)],
    ) -> Value {
        let mut parts: Vec<Value> = args.iter().map(|v| self.settled(v)).collect();
        parts.extend(named.iter().map(|(_, v)| self.settled(v)));
        self.may_be_filled(args.first());
        let blind = self.given_state(of, args, named);
        let made_with = matches!(of.kind, Kind::Obj(_)).then(|| self.settled(of));
        if parts
            .iter()
            .chain(&made_with)
            .any(|v| self.any(&v.taint, Origin::is_token))
        {
            self.emit(EventKind::TokenHanded, self.site);
        }
        if args.iter().any(|v| self.brings_token(v)) {
            self.emit(EventKind::BodyHanded, self.site);
        }
        // Where a call may make an object, that may keep the token.
        if !self.traits.bare_calls {
            for part in &mut parts {
                self.spends_token(part);
            }
        }
        parts.push(self.settled(of));
        let made = Value::derived(&parts);
        match blind {
            true => made.with(self.origin(Origin::Store("unseen".into()), self.site)),
            false => made,
        }
    }

    pub(super) fn inline(
        &mut self,
        closure: &Rc<Closure>,
        args: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        let function = closure.function.clone();
        let key = (closure.file, function.span.at);
        self.called.insert(key);
        self.ran.insert(key);
        let context = self
            .context()
            .wrapping_mul(31)
            .wrapping_add(u64::from(at.at) + 7 * self.file() as u64 + 1);
        // What calls itself adds nothing after the second time.
        if self.frames.len() > DEPTH || self.stack.iter().filter(|k| **k == key).count() > 1 {
            return Ok(self.foreign(&Value::unknown(), &args, &named));
        }
        let mut frame = Frame {
            around: closure.around.clone(),
            file: closure.file,
            class: closure.class.clone(),
            context,
            from: at,
            ..Frame::default()
        };
        frame.places = self.borrowed(closure);
        let fallback = super::settings::with_fallback(&args);
        let (args, mut rest) = self.prepare(closure, &mut frame, args, named);
        let before = match self.traits.own_name {
            Some(_) => None,
            None => closure.receiver.clone(),
        };
        let by_place = self.language == crate::lang::Language::Python;
        let all: Vec<Value> = before.into_iter().chain(args).collect();
        let mut positional = all.into_iter();
        let mut missing: Vec<(String, Option<usize>)> = Vec::new();
        for (i, param) in function.params.iter().enumerate() {
            let value = match param.star {
                Star::Args => {
                    let items: Vec<Value> = positional.by_ref().collect();
                    Some(self.list(items))
                }
                Star::Named => {
                    let mut fields: BTreeMap<String, Value> =
                        std::mem::take(&mut rest).into_iter().collect();
                    // A caller that is not in the app may give anything.
                    if self.frames.len() == 1 && self.mode != Mode::Load {
                        fields.insert("**".into(), Value::unknown());
                    }
                    Some(self.dict(fields))
                }
                // What is given by place comes first there.
                Star::No if by_place && positional.len() > 0 => positional.next(),
                Star::No => match rest.iter().position(|(k, _)| *k == param.name) {
                    Some(at) => Some(rest.remove(at).1),
                    None => positional.next(),
                },
            };
            match value {
                Some(value) => {
                    let value = self.called_id_token(&param.name, value, function.span);
                    Rc::make_mut(&mut frame.locals).insert(param.name.clone(), value);
                }
                None => missing.push((param.name.clone(), param.default.is_some().then_some(i))),
            }
        }
        if self.traits.blocks {
            self.rest_as_mapping(&function, rest, &mut missing, &mut frame);
        }
        let own = frame.id;
        // Callers that are not seen may give something.
        let entered = self.frames.len() == 1 && self.mode != Mode::Load;
        self.frames.push(frame);
        self.stack.push(key);
        let mut done = Ok(());
        for (name, default) in missing {
            let default = default.and_then(|i| function.params[i].default.as_ref());
            let value = match default {
                Some(Expr {
                    kind: ExprKind::Dict(entries),
                    ..
                }) if entered && entries.is_empty() && !self.traits.bare_calls => {
                    self.sym(Origin::Argument(name.clone()), function.span)
                }
                // Who makes what the framework calls may give options.
                Some(Expr {
                    kind: ExprKind::Dict(entries),
                    ..
                }) if entered && entries.is_empty() && function.name == "__init__" => {
                    let id = self.alloc(Object {
                        open: true,
                        ..Object::default()
                    });
                    Value::new(Kind::Dict(id))
                }
                Some(e) => match self.eval(e) {
                    Ok(value) => value,
                    Err(unwind) => {
                        done = Err(unwind);
                        break;
                    }
                },
                None => match self.made_with(&function, &name) {
                    Some(value) => value,
                    None => self.sym(Origin::Argument(name.clone()), function.span),
                },
            };
            if let Some(frame) = self.frames.last_mut() {
                Rc::make_mut(&mut frame.locals).insert(name, value);
            }
        }
        let done = done.and_then(|()| self.block(&function.body));
        self.stack.pop();
        let mut early = Vec::new();
        if let Some(frame) = self.frames.pop() {
            self.written_back(closure, &frame);
            self.left = Self::left(&frame);
            early = frame.early;
        }
        self.told(closure, &done);
        let value = match done {
            Err(Unwind::Return(value)) => {
                // `def client_secret = "…"`.
                if self.traits.bare_calls && matches!(value.kind, Kind::Str(_)) {
                    self.named(&function.name, &value, function.span);
                }
                value
            }
            Err(Unwind::Leave(home, value))
                if home == own || !self.frames.iter().any(|f| f.id == home) =>
            {
                value
            }
            Ok(()) | Err(Unwind::Break | Unwind::Continue) => Value::none(),
            // Somebody else's, of a class that is not seen.
            Err(Unwind::Raise(name)) if name.as_ref() == "NotImplementedError" => Value::unknown(),
            // `?` ends a function, and the function fails.
            Err(Unwind::Raise(name)) if self.traits.typed && name.as_ref() == "Refused" => {
                Value::failure()
            }
            Err(other) => return Err(other),
        };
        let value = match fallback {
            Some((name, text)) => self.or_fallback(&function, value, &name, text),
            None => value,
        };
        let value = self.with_early(value, early);
        self.remembered_for_all(&function, &value);
        Ok(value)
    }

    pub(super) fn call_ext(
        &mut self,
        path: &str,
        args: Vec<Value>,
        named: Vec<(String, Value)>,
        at: Span,
    ) -> Eval<Value> {
        if let Some(name) = path.strip_prefix('?') {
            return self.intrinsic(name, &args, at);
        }
        self.runs_opener(path, &args);
        if path == "len"
            && let [
                Value {
                    kind: Kind::Str(text),
                    ..
                },
            ] = args.as_slice()
        {
            let len = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            return Ok(Value::new(Kind::Number(len)));
        }
        // How long something is says nothing of what it is.
        if let ("len", true, [of]) = (path, self.traits.packages, args.as_slice())
            && !self.any(&of.taint, Origin::is_token)
        {
            let begins = self.origin(Origin::Begins, at);
            return Ok(Value::derived([&self.settled(of)]).with(begins));
        }
        if path == "getattr"
            && let [of, name, rest @ ..] = args.as_slice()
            && let Some(name) = name.as_str()
        {
            let value = self.attr(&of.clone(), name, at)?;
            return Ok(match rest.first() {
                Some(default) if !default.is_none() && matches!(of.kind, Kind::Map(_)) => {
                    Value::either(value, default.clone())
                }
                _ => value,
            });
        }
        if path == "json.dump"
            && let [
                value,
                Value {
                    kind: Kind::Ext(file),
                    ..
                },
                ..,
            ] = args.as_slice()
            && matches!(file.as_ref(), "sys.stdout" | "sys.stderr")
        {
            let value = self.settled(value);
            self.emit(crate::facts::EventKind::Log { value }, at);
            return Ok(Value::none());
        }
        if path == "setattr"
            && let [of, name, value] = args.as_slice()
            && let Some(name) = name.as_str()
        {
            self.named(name, value, at);
            self.set_attr(&of.clone(), name, value.clone(), at);
            return Ok(Value::none());
        }
        // `use` of one of a library's own.
        if let Some(Kind::Ext(given)) = args.first().map(|v| &v.kind)
            && let Some((family, _)) = given.rsplit_once('.')
            && let Some(model) = self.libraries.call(&format!("{path}({family})"))
        {
            return self.apply(model, None, path, args, named, at);
        }
        if self.traits.bare_calls
            && let Some(Kind::Ext(given)) = args.first().map(|v| &v.kind)
            && let Some(model) = self.libraries.call(&format!("{path}({given})"))
        {
            return self.apply(model, None, path, args, named, at);
        }
        // `set :sessions, secret: "…"`.
        if self.traits.bare_calls
            && let Some(word) = args.first().and_then(Value::as_str)
            && let Some(model) = self.libraries.call(&format!("{path}({word})"))
        {
            return self.apply(model, None, path, args, named, at);
        }
        if let ("Promise", true, Some(Kind::Func(_))) =
            (path, self.traits.callbacks, args.first().map(|v| &v.kind))
        {
            return self.promised(&args[0].clone(), at);
        }
        if let Some(model) = self.libraries.call(path) {
            return self.apply(model, None, path, args, named, at);
        }
        if self.logs_by_name(path) {
            for value in &args {
                let value = self.logged(value);
                self.emit(EventKind::Log { value }, at);
            }
            return Ok(Value::none());
        }
        let last = path.rsplit('.').next().unwrap_or(path);
        // A strategy on top of one that is not known.
        if last == "%options"
            && let Some(family) = path.rsplitn(3, '.').nth(2)
            && let Some(model) = self.libraries.method(family, last)
        {
            return self.apply(model, None, path, args, named, at);
        }
        // `Trait::method(&of, x)` of something whose methods are known.
        if self.traits.typed
            && path.contains('.')
            && args.first().is_some_and(|of| self.knows_method(of, last))
        {
            let mut args = args;
            let of = args.remove(0);
            return match &of.kind {
                Kind::Ext(class) => self.call_ext(&format!("{class}.{last}"), args, named, at),
                _ => self.call_method(&of, last, args, named, at),
            };
        }
        if path.contains('.')
            && let Some(model) = self.libraries.method("*", last)
            && model.takes(args.len())
            && !self.is_own_function(path, model, &args)
        {
            // `Type::method(x)` is `x.method()`.
            if self.traits.typed && !args.is_empty() {
                let mut args = args;
                let of = args.remove(0);
                return self.call_method(&of, last, args, named, at);
            }
            let of = Value::ext(path.rsplit_once('.').map_or(path, |(of, _)| of));
            return self.apply(model, Some(of), path, args, named, at);
        }
        if let Some(Kind::Ext(given)) = args.first().map(|v| &v.kind)
            && let Some(model) = self.libraries.method("*", &format!("{last}({given})"))
        {
            return self.apply(model, None, path, args, named, at);
        }
        if path.contains('.')
            && let Some(model) = self.in_context(last, &args)
        {
            let of = Value::ext(path.rsplit_once('.').map_or(path, |(of, _)| of));
            return self.apply(model, Some(of), path, args, named, at);
        }
        if let Some(model) = self.strategy(path, &args) {
            return self.apply(model, None, path, args, named, at);
        }
        self.may_inspect(path, &args);
        self.claims_handed(path, &args, &named, at);
        self.user_kept(last, &args, at);
        self.claims_unseen(last, &args, at);
        if let Some(answer) = self.tokens_unseen(path, &args, &named, at)? {
            return Ok(answer);
        }
        let given = self.all_given(&args, &named);
        if let Some(answer) = self.exchanged_unseen(last, &given, at)? {
            return Ok(answer);
        }
        self.hands_code(path, &args, &named, at)?;
        if let Some(profile) = self.profile_unseen(last, &given, at) {
            return Ok(profile);
        }
        self.client_unseen(path, &named, at);
        if let Some(own) = path.strip_prefix("own:") {
            self.own_unseen(own, &args, &named, at);
            if let Some(value) = self.own_exchange(own, &args, at)? {
                return Ok(value);
            }
        }
        // A class of a library that is not known: an object of it.
        let constructor = self.traits.constructor;
        let path = match path.rsplit_once('.') {
            Some((of, new)) if Some(new) == constructor => of,
            _ => path,
        };
        let last = path.rsplit(['.', ':']).next().unwrap_or(path);
        // There, functions of other packages are called so, too.
        let function = self.traits.packages && !args.is_empty();
        if !function && last.starts_with(char::is_uppercase) && last.chars().any(char::is_lowercase)
        {
            let taint: Vec<Value> = args.iter().map(|v| self.settled(v)).collect();
            let id = self.alloc(Object {
                class: path.into(),
                fields: named.into_iter().collect(),
                items: args.clone(),
                open: true,
                ..Object::default()
            });
            // `A.new do |a| … end`: the block tells the object what it is.
            if self.traits.blocks
                && let Some(block) = args.last().filter(|v| matches!(v.kind, Kind::Func(_)))
            {
                let object = Value::new(Kind::Obj(id));
                self.yielded(std::slice::from_ref(block), object, at)?;
            } else {
                self.hand_over(&Value::unknown(), &args, at)?;
            }
            if let Some(value) = self.unseen(path, &args, at)? {
                return Ok(value);
            }
            let mut value = Value::derived(&taint);
            value.kind = Kind::Obj(id);
            return Ok(value);
        }
        if let Some(value) = self.written_form(path, &args, at) {
            return Ok(value);
        }
        if let Some(value) = self.lent(last, &args, at)? {
            return Ok(value);
        }
        if let Some(value) = self.hand_over(&Value::unknown(), &args, at)? {
            return Ok(value);
        }
        if self.route_named(path, at).is_some() {
            return Ok(self.route_url(None, &named, at));
        }
        if let Some(value) = self.unseen(path, &args, at)? {
            return Ok(value);
        }
        // Parts of a text are made of it, and ask for nothing with it.
        if self.traits.packages && (path.starts_with("strings.") || path.starts_with("bytes.")) {
            let parts: Vec<Value> = args.iter().map(|v| self.settled(v)).collect();
            return Ok(Value::derived(&parts));
        }
        let of = match self.traits.bare_calls || path.starts_with("own:") {
            true => Value::ext(path),
            false => Value::unknown(),
        };
        let mut value = self.foreign(&of, &args, &named);
        if self.traits.typed && super::unseen::is_settings(last) {
            let id = self.origin(Origin::Config(last.to_owned()), at);
            value.add(&[id]);
        }
        Ok(value)
    }

    /// A value got a name: it may be a secret or a setting.
    pub(super) fn named(&mut self, name: &str, value: &Value, at: Span) {
        self.setting(name, value, at);
    }
}
