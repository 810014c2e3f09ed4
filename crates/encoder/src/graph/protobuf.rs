//! The little of Protocol Buffers' wire format that an ONNX file needs, and ONNX's messages on top of it.
//! Field numbers are those of onnx.proto3 (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>).

/// ONNX element types (TensorProto.DataType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementType {
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Float16 = 10,
    Bfloat16 = 16,
}

/// A message under construction.
#[derive(Debug, Default, Clone)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    /// A field of type int64, int32 or enum.
    pub fn int(mut self, field: u32, value: i64) -> Self {
        self.tag(field, 0);
        self.varint(value as u64);
        self
    }

    /// A field of type float.
    pub fn float(mut self, field: u32, value: f32) -> Self {
        self.tag(field, 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A field of type string or bytes.
    pub fn bytes(mut self, field: u32, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.tag(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// A field that is a message itself.
    pub fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// The finished bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// One attribute of a node (AttributeProto).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attribute<'a> {
    Float(f32),
    Int(i64),
    Ints(&'a [i64]),
}

impl Attribute<'_> {
    fn message(self, name: &str) -> Message {
        let message = Message::default().bytes(1, name);
        match self {
            Self::Float(value) => message.float(2, value).int(20, 1),
            Self::Int(value) => message.int(3, value).int(20, 2),
            Self::Ints(values) => values
                .iter()
                .fold(message, |message, value| message.int(8, *value))
                .int(20, 7),
        }
    }
}

/// One operation (NodeProto). An empty domain is ONNX's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    pub op: &'static str,
    pub domain: &'static str,
    pub inputs: &'a [&'a str],
    pub outputs: &'a [&'a str],
    pub attributes: &'a [(&'static str, Attribute<'a>)],
}

impl Node<'_> {
    pub fn message(&self) -> Message {
        let message = self
            .inputs
            .iter()
            .fold(Message::default(), |message, input| message.bytes(1, input));
        let message = self
            .outputs
            .iter()
            .fold(message, |message, output| message.bytes(2, output));
        // The first output is unique within the graph, so it serves as the node's name in error messages.
        let message = message
            .bytes(3, self.outputs.first().copied().unwrap_or_default())
            .bytes(4, self.op);
        let message = self
            .attributes
            .iter()
            .fold(message, |message, (name, value)| {
                message.message(5, &value.message(name))
            });
        message.bytes(7, self.domain)
    }
}

/// A weight outside the graph file (TensorProto with external data).
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExternalTensor<'a> {
    pub name: &'a str,
    pub dims: &'a [u64],
    pub element: ElementType,
    pub location: &'a str,
    pub offset: u64,
    pub length: u64,
}

impl ExternalTensor<'_> {
    pub fn message(&self) -> Message {
        let entry = |key: &str, value: &str| Message::default().bytes(1, key).bytes(2, value);
        let message = self.dims.iter().fold(Message::default(), |message, side| {
            message.int(1, *side as i64)
        });
        message
            .int(2, self.element as i64)
            .bytes(8, self.name)
            .message(13, &entry("location", self.location))
            .message(13, &entry("offset", &self.offset.to_string()))
            .message(13, &entry("length", &self.length.to_string()))
            .int(14, 1)
    }
}

/// A small constant within the graph file: a list of int64 (TensorProto).
pub(crate) fn int64_tensor(name: &str, values: &[i64]) -> Message {
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    Message::default()
        .int(1, values.len() as i64)
        .int(2, ElementType::Int64 as i64)
        .bytes(8, name)
        .bytes(9, raw)
}

/// A small constant within the graph file: int32 values of any shape (TensorProto).
pub(crate) fn int32_tensor(name: &str, dims: &[i64], values: &[i32]) -> Message {
    let raw: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    dims.iter()
        .fold(Message::default(), |message, side| message.int(1, *side))
        .int(2, ElementType::Int32 as i64)
        .bytes(8, name)
        .bytes(9, raw)
}

/// A graph's input or output (ValueInfoProto) whose first dimension, the batch, is free.
pub(crate) fn batched_value(name: &str, element: ElementType, sides: &[u64]) -> Message {
    let batch = Message::default().bytes(2, "batch");
    value(name, element, Message::default().message(1, &batch), sides)
}

/// A graph's input or output (ValueInfoProto) whose every dimension is fixed.
pub(crate) fn fixed_value(name: &str, element: ElementType, sides: &[u64]) -> Message {
    value(name, element, Message::default(), sides)
}

fn value(name: &str, element: ElementType, shape: Message, sides: &[u64]) -> Message {
    let shape = sides.iter().fold(shape, |shape, side| {
        shape.message(1, &Message::default().int(1, *side as i64))
    });
    let tensor = Message::default().int(1, element as i64).message(2, &shape);
    Message::default()
        .bytes(1, name)
        .message(2, &Message::default().message(1, &tensor))
}

/// The whole file (ModelProto) around a graph, with the two operator sets that the towers use.
pub(crate) fn model(graph: &Message) -> Vec<u8> {
    let opset = |domain: &str, version: i64| Message::default().bytes(1, domain).int(2, version);
    Message::default()
        .int(1, 8)
        .bytes(2, "casekin")
        .message(7, graph)
        .message(8, &opset("", 17))
        .message(8, &opset("com.microsoft", 1))
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_format_says() {
        // The examples of protobuf's own encoding guide.
        assert_eq!(
            Message::default().int(1, 150).into_bytes(),
            [0x08, 0x96, 0x01]
        );
        assert_eq!(
            Message::default().bytes(2, "testing").into_bytes(),
            *b"\x12\x07testing"
        );
        assert_eq!(
            Message::default().int(1, -1).into_bytes(),
            [8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]
        );
        assert_eq!(
            Message::default().float(2, 1.0).into_bytes(),
            [0x15, 0, 0, 0x80, 0x3f]
        );
        let inner = Message::default().int(1, 150);
        assert_eq!(
            Message::default().message(3, &inner).into_bytes(),
            [0x1a, 0x03, 0x08, 0x96, 0x01]
        );
        assert_eq!(
            Message::default().int(20, 1).into_bytes(),
            [0xa0, 0x01, 0x01]
        );
    }
}
