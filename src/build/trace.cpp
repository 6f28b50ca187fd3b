// SPDX-License-Identifier: Apache-2.0
#include "build/trace.hpp"

#include <protozero/pbf_reader.hpp>

namespace wasmx::build {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// Runs `take(field)` for each field; one of an unexpected wire type is skipped like an unknown one.
template <class Take>
void each_field(pbf_reader message, Take&& take) {
    while (message.next()) {
        if (!take(message)) message.skip();
    }
}

bool read_text(pbf_reader& field, std::string& into) {
    if (field.wire_type() != pbf_wire_type::length_delimited) return false;
    into = field.get_string();
    return true;
}

// A timestamp that is there, whatever it says.
bool read_presence(pbf_reader& field, bool& into) {
    into = true;
    (void)field;
    return false;
}

Vertex vertex_from(pbf_reader message) {
    Vertex out;
    each_field(message, [&](pbf_reader& field) {
        switch (field.tag()) {
            case 1: return read_text(field, out.digest);
            case 3: return read_text(field, out.name);
            case 4:
                if (field.wire_type() != pbf_wire_type::varint) return false;
                out.cached = field.get_bool();
                return true;
            case 5: return read_presence(field, out.started);
            case 6: return read_presence(field, out.completed);
            case 7: return read_text(field, out.error);
            default: return false;
        }
    });
    return out;
}

VertexLog log_from(pbf_reader message) {
    VertexLog out;
    each_field(message, [&](pbf_reader& field) {
        switch (field.tag()) {
            case 1: return read_text(field, out.vertex);
            case 3:
                if (field.wire_type() != pbf_wire_type::varint) return false;
                out.is_stderr = field.get_int64() == 2;
                return true;
            case 4: return read_text(field, out.bytes);
            default: return false;
        }
    });
    return out;
}

VertexWarning warning_from(pbf_reader message) {
    VertexWarning out;
    each_field(message, [&](pbf_reader& field) { return field.tag() == 3 && read_text(field, out.text); });
    return out;
}

}  // namespace

std::optional<Trace> Trace::parse(std::string_view bytes) {
    Trace out;
    try {
        each_field(pbf_reader(bytes.data(), bytes.size()), [&](pbf_reader& field) {
            if (field.wire_type() != pbf_wire_type::length_delimited) return false;
            switch (field.tag()) {
                case 1: out.vertexes.push_back(vertex_from(field.get_message())); return true;
                case 3: out.logs.push_back(log_from(field.get_message())); return true;
                case 4: out.warnings.push_back(warning_from(field.get_message())); return true;
                default: return false;
            }
        });
    } catch (const protozero::exception&) {
        return std::nullopt;
    }
    return out;
}

}  // namespace wasmx::build
