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
/// Whether the process of a mark has ended. One that cannot be seen from here counts as ended a day after `created`
/// (seconds since the epoch), which is longer than any push.
bool has_owner_ended(std::string_view mark, std::int64_t created);

}  // namespace wasmx::engine
