// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wasmx::engine {

/// Says of a container that is never started which process made it: "<boot and PID namespace>.<PID>.<start>". An engine
/// has clients on other machines and in other containers, where the number of a process means another one.
/// (random(4), boot_id; namespaces(7); proc(5), /proc/pid/stat: starttime)
std::string owner_mark();
/// A name for a container of ours that does not last: "wasmx-image-<purpose>-<mark>-<number>". No other client, and no
/// other container of this one, has it. A label would become one of an image that is made of the container.
std::string owned_name(std::string_view purpose);
/// The mark in such a name; empty: it is none.
std::string_view mark_in(std::string_view name);
/// Whether the process of a mark has ended. One that cannot be seen from here counts as ended a day after `created`
/// (seconds since the epoch), which is longer than any push.
bool has_owner_ended(std::string_view mark, std::int64_t created);

}  // namespace wasmx::engine
