//! Arrays of objects, which NumPy keeps as pickles. A pickle is a program; of its calls only those are carried out that
//! NumPy itself makes to build arrays, types and bytes, each by its name, and nothing else ever is.
//! Opcodes: <https://github.com/python/cpython/blob/main/Lib/pickletools.py>.

use anyhow::{Context as _, bail, ensure};

/// A value that came out of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Numbers(Vec<f32>),
    Objects {
        shape: Vec<usize>,
        values: Vec<Value>,
    },
    /// Something that nobody here asks for.
    Other,
}

type Id = usize;

#[derive(Clone, Debug)]
enum Node {
    Mark,
    None,
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
    Sequence(Vec<Id>),
    Map,
    Global(String),
    /// Its type string without the order of bytes, and whether the largest comes first.
    Type(String, bool),
    Array {
        shape: Vec<usize>,
        kind: Option<Id>,
        held: Held,
    },
}

#[derive(Clone, Debug)]
enum Held {
    Bytes(Vec<u8>),
    Items(Vec<Id>),
}

/// Everything that the pickle has made, named by its place: what is remembered and changed later is the same thing.
struct Machine<'a> {
    rest: &'a [u8],
    nodes: Vec<Node>,
    stack: Vec<Id>,
    memo: Vec<Option<Id>>,
    /// Things that may be remembered, and values that may be given: each takes at least a byte of the pickle.
    most: usize,
}

const COLUMNS_FIRST: &str = "an array of the pickle lies column by column, which is not read";
/// Arrays within arrays.
const DEEPEST: usize = 8;

/// Reads the one value of a pickle.
pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Value> {
    let mut machine = Machine {
        rest: bytes,
        nodes: Vec::new(),
        stack: Vec::new(),
        memo: Vec::new(),
        most: bytes.len(),
    };
    while machine.step()? {}
    let (top, mut left) = (machine.pop()?, machine.most);
    machine.value(top, 0, &mut left)
}

impl<'a> Machine<'a> {
    /// One instruction; false at the end.
    fn step(&mut self) -> anyhow::Result<bool> {
        let code = self.take(1)?[0];
        match code {
            b'.' => return Ok(false),
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.push(Node::Mark),
            b'0' => drop(self.pop()?),
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Number(1.0)),
            0x89 => self.push(Node::Number(0.0)),
            b'K' | b'M' | b'J' | 0x8A | b'G' => self.push_number(code)?,
            0x8C | b'X' | 0x8D => {
                let text = self.counted(match code {
                    0x8C => 1,
                    b'X' => 4,
                    _ => 8,
                })?;
                let text = std::str::from_utf8(text)?.to_owned();
                self.push(Node::Text(text));
            }
            b'C' | b'U' | b'B' | b'T' | 0x8E | 0x96 => {
                let bytes = self.counted(match code {
                    b'C' | b'U' => 1,
                    b'B' | b'T' => 4,
                    _ => 8,
                })?;
                let bytes = bytes.to_vec();
                self.push(Node::Bytes(bytes));
            }
            b')' | b']' => self.push(Node::Sequence(Vec::new())),
            b'}' => self.push(Node::Map),
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(code - 0x84));
                let items = self.stack.split_off(from.context("a tuple is short")?);
                self.push(Node::Sequence(items));
            }
            b't' | b'l' => {
                let items = self.since_mark()?;
                self.push(Node::Sequence(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            // Entries of a dictionary: nobody looks at them.
            b's' => drop((self.pop()?, self.pop()?)),
            b'u' => drop(self.since_mark()?),
            b'c' | 0x93 => self.push_global(code)?,
            b'R' => self.call()?,
            b'b' => self.build()?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(code)?,
            other => bail!("the pickle has an instruction 0x{other:02x} that arrays do not need"),
        }
        Ok(true)
    }

    fn push_number(&mut self, code: u8) -> anyhow::Result<()> {
        let number = match code {
            b'G' => {
                let bytes = self.take(8)?.first_chunk().context("cut off")?;
                f64::from_be_bytes(*bytes)
            }
            0x8A => {
                let length = usize::from(self.take(1)?[0]);
                signed(self.take(length)?)
            }
            b'J' => signed(self.take(4)?),
            _ => {
                let bytes = self.take(if code == b'K' { 1 } else { 2 })?;
                unsigned(bytes) as f64
            }
        };
        self.push(Node::Number(number));
        Ok(())
    }

    fn push_global(&mut self, code: u8) -> anyhow::Result<()> {
        let name = if code == b'c' {
            let (module, name) = (self.line()?, self.line()?);
            format!("{module}.{name}")
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            format!("{}.{}", self.text(module)?, self.text(name)?)
        };
        // NumPy 2 has moved what NumPy 1 called `core`.
        self.push(Node::Global(name.replace("numpy._core.", "numpy.core.")));
        Ok(())
    }

    fn remember(&mut self, code: u8) -> anyhow::Result<()> {
        let place = match code {
            0x94 => self.memo.len(),
            b'q' | b'h' => usize::from(self.take(1)?[0]),
            _ => unsigned(self.take(4)?) as usize,
        };
        if matches!(code, b'h' | b'j') {
            let known = self.memo.get(place).copied().flatten();
            self.stack
                .push(known.context("the pickle recalls what it never had")?);
            return Ok(());
        }
        ensure!(place < self.most, "the pickle remembers too much");
        if self.memo.len() <= place {
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = self.stack.last().copied();
        Ok(())
    }

    /// The calls by which NumPy makes arrays, types, scalars and (in Python 2's manner) bytes.
    fn call(&mut self) -> anyhow::Result<()> {
        let (arguments, called) = (self.pop()?, self.pop()?);
        let (Node::Sequence(arguments), Node::Global(name)) =
            (&self.nodes[arguments], &self.nodes[called])
        else {
            bail!("the pickle calls what is no function");
        };
        let made = match (name.as_str(), arguments.as_slice()) {
            ("numpy.core.multiarray._reconstruct", _) => Node::Array {
                shape: Vec::new(),
                kind: None,
                held: Held::Items(Vec::new()),
            },
            ("numpy.dtype", [kind, ..]) => Node::Type(self.text(*kind)?.to_owned(), false),
            ("_codecs.encode", [text, ..]) => {
                let text = self.text(*text)?.chars();
                Node::Bytes(text.map(|c| u32::from(c) as u8).collect())
            }
            ("numpy.core.multiarray.scalar", [kind, value]) => self.array(&[], *kind, *value)?,
            ("numpy.core.numeric._frombuffer", [value, kind, shape, order]) => {
                let shape = self.shape(*shape)?;
                ensure!(shape.len() < 2 || self.text(*order)? == "C", COLUMNS_FIRST);
                self.array(&shape, *kind, *value)?
            }
            _ => bail!("the pickle calls {name}, which is not carried out"),
        };
        self.push(made);
        Ok(())
    }

    fn array(&self, shape: &[usize], kind: Id, value: Id) -> anyhow::Result<Node> {
        let held = match &self.nodes[value] {
            Node::Bytes(bytes) => Held::Bytes(bytes.clone()),
            Node::Sequence(items) => Held::Items(items.clone()),
            _ => bail!("an array of the pickle holds neither bytes nor values"),
        };
        Ok(Node::Array {
            shape: shape.to_vec(),
            kind: Some(kind),
            held,
        })
    }

    /// The state of what was made last: `(version, shape, type, fortran order, values)` of an array, `(version, order of
    /// bytes, …)` of a type.
    fn build(&mut self) -> anyhow::Result<()> {
        let state = self.pop()?;
        let built = *self.stack.last().context("the pickle builds nothing")?;
        let Node::Sequence(state) = &self.nodes[state] else {
            bail!("the pickle builds from what is no tuple");
        };
        let made = match (&self.nodes[built], state.as_slice()) {
            (Node::Array { .. }, [_, shape, kind, fortran, values]) => {
                let shape = self.shape(*shape)?;
                let columns_first = matches!(self.nodes[*fortran], Node::Number(1.0));
                ensure!(shape.len() < 2 || !columns_first, COLUMNS_FIRST);
                self.array(&shape, *kind, *values)?
            }
            (Node::Type(kind, _), [_, order, ..]) => {
                Node::Type(kind.clone(), self.text(*order)? == ">")
            }
            _ => bail!("the pickle builds what is neither an array nor a type"),
        };
        self.nodes[built] = made;
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> anyhow::Result<()> {
        let list = *self.stack.last().context("the pickle appends to nothing")?;
        let Node::Sequence(list) = &mut self.nodes[list] else {
            bail!("the pickle appends to what is no list");
        };
        list.extend(items);
        Ok(())
    }

    fn value(&self, id: Id, depth: usize, left: &mut usize) -> anyhow::Result<Value> {
        ensure!(
            depth < DEEPEST && *left > 0,
            "arrays of the pickle lie too deep or too often within one another"
        );
        *left -= 1;
        Ok(match &self.nodes[id] {
            Node::Text(text) => Value::Text(text.clone()),
            Node::Sequence(items) => self.numbers(items).unwrap_or(Value::Other),
            Node::Array {
                shape,
                held: Held::Items(items),
                ..
            } => {
                let values = items.iter().map(|item| self.value(*item, depth + 1, left));
                Value::Objects {
                    shape: shape.clone(),
                    values: values.collect::<anyhow::Result<_>>()?,
                }
            }
            Node::Array {
                shape,
                kind: Some(kind),
                held: Held::Bytes(bytes),
            } => self.decoded(shape, *kind, bytes)?,
            _ => Value::Other,
        })
    }

    /// A list of plain numbers is as good as an array of them.
    fn numbers(&self, items: &[Id]) -> Option<Value> {
        let numbers = items.iter().map(|item| match self.nodes[*item] {
            Node::Number(number) => Some(number as f32),
            _ => None,
        });
        numbers.collect::<Option<_>>().map(Value::Numbers)
    }

    fn decoded(&self, shape: &[usize], kind: Id, bytes: &[u8]) -> anyhow::Result<Value> {
        let Node::Type(kind, big_endian) = &self.nodes[kind] else {
            bail!("an array of the pickle has no type");
        };
        let order = if *big_endian { ">" } else { "<" };
        // Labels and the like are of other types, and nobody asks for them.
        if !kind.starts_with(['f', 'U', 'S']) {
            return Ok(Value::Other);
        }
        let array = super::decode(&format!("{order}{kind}"), shape.to_vec(), false, bytes)?;
        Ok(match array.values {
            super::Values::Numbers(numbers) => Value::Numbers(numbers),
            super::Values::Texts(mut texts) if texts.len() == 1 => Value::Text(texts.remove(0)),
            _ => Value::Other,
        })
    }

    fn shape(&self, id: Id) -> anyhow::Result<Vec<usize>> {
        let Node::Sequence(sides) = &self.nodes[id] else {
            bail!("an array of the pickle has no shape");
        };
        let sides = sides.iter().map(|side| match self.nodes[*side] {
            Node::Number(side) if side >= 0.0 => Ok(side as usize),
            _ => bail!("an array of the pickle has no shape"),
        });
        sides.collect()
    }

    fn text(&self, id: Id) -> anyhow::Result<&str> {
        match &self.nodes[id] {
            Node::Text(text) => Ok(text),
            Node::Bytes(bytes) => Ok(std::str::from_utf8(bytes)?),
            _ => bail!("the pickle names something by what is no text"),
        }
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn pop(&mut self) -> anyhow::Result<Id> {
        self.stack
            .pop()
            .context("the pickle takes more than it has")
    }

    fn since_mark(&mut self) -> anyhow::Result<Vec<Id>> {
        let mut marks = self.stack.iter();
        let mark = marks.rposition(|id| matches!(self.nodes[*id], Node::Mark));
        let mark = mark.context("the pickle takes more than it has")?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .context("the pickle is cut off")?;
        self.rest = rest;
        Ok(taken)
    }

    /// Bytes behind their number, which takes `width` bytes itself.
    fn counted(&mut self, width: usize) -> anyhow::Result<&'a [u8]> {
        let count = unsigned(self.take(width)?);
        self.take(usize::try_from(count)?)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let line = self.take(end.context("the pickle is cut off")? + 1)?;
        Ok(std::str::from_utf8(&line[..line.len() - 1])?.to_owned())
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    let digits = bytes.iter().rev().take(8);
    digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Two's complement, smallest byte first, however long.
fn signed(bytes: &[u8]) -> f64 {
    let size = bytes
        .iter()
        .rev()
        .fold(0.0, |number, byte| number * 256.0 + f64::from(*byte));
    match bytes.last() {
        Some(last) if *last >= 128 => size - 256.0_f64.powi(bytes.len() as i32),
        _ => size,
    }
}

#[cfg(test)]
mod tests;
