// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <set>
#include <thread>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

bool holds(const std::vector<std::string>& list, const std::string& id) {
    return std::find(list.begin(), list.end(), id) != list.end();
}

// With what they need, and what that needs.
std::set<std::string> closure_of(const std::vector<std::string>& ids, const std::vector<Check>& table) {
    std::set<std::string> out;
    std::vector<std::string> open = ids;
    while (!open.empty()) {
        const std::string id = std::move(open.back());
        open.pop_back();
        if (!out.insert(id).second) continue;
        for (const Check& check : table)
            if (check.id == id) open.insert(open.end(), check.needs.begin(), check.needs.end());
    }
    return out;
}

void fail(Result& result, const Error& error) {
    result.verdict = Verdict::fail;
    result.observed.clear();
    for (const std::string& frame : error.frames()) result.observed += frame + ": ";
    result.observed += error.message();
    result.hint = error.hint();
    result.fault = error.fault();
    for (const std::string& line : error.lines()) result.details.push_back(line);
}

void skip(Result& result, std::string reason) {
    result.verdict = Verdict::skip;
    result.observed = std::move(reason);
    result.hint.clear();
}

/// One run of the checks: a thread for each, which waits for what it needs. They mostly wait for answers.
class Run {
public:
    Run(Scene& scene, const Selection& selection, const std::vector<Check>& table)
        : scene_(scene), selection_(selection) {
        const auto wanted = closure_of(selection.only, table);
        for (const Check& check : table)
            if (selection.only.empty() || wanted.contains(check.id))
                rows_.push_back({.finding = {.check = check, .result = {}}});
    }

    Report report() {
        const auto start = SteadyClock::now();
        {
            std::vector<std::jthread> workers;
            for (Row& row : rows_) workers.emplace_back([this, &row] { work(row); });
        }
        if (interrupted_) std::rethrow_exception(interrupted_);
        Report out;
        for (Row& row : rows_) out.findings.push_back(std::move(row.finding));
        out.seconds = seconds_since(start);
        out.warnings = selection_.warnings;
        return out;
    }

private:
    struct Row {
        Finding finding;
        std::string cause;  // of a check that was skipped: the one that has it so
        bool over = false;
    };

    Row* find(std::string_view id) {
        for (Row& row : rows_)
            if (row.finding.check.id == id) return &row;
        return nullptr;
    }

    void work(Row& row) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] {
                const auto is_over = [&](const std::string& id) {
                    const Row* needed = find(id);
                    return needed == nullptr || needed->over;
                };
                const auto& needs = row.finding.check.needs;
                return std::all_of(needs.begin(), needs.end(), is_over);
            });
        }
        judge(row);
        const std::lock_guard lock(mutex_);
        row.over = true;
        changed_.notify_all();
    }

    void judge(Row& row) {
        Finding& finding = row.finding;
        const auto start = SteadyClock::now();
        try {
            if (finding.check.group == "registry" && scene_.request.push == Request::Push::no)
                throw Skip{"nothing is pushed without --push"};
            finding.check.run(scene_, finding.result);
        } catch (const Skip& reason) {
            skip(finding.result, reason.reason);
        } catch (const Missing& missing) {
            skip_for(row, missing.check);
        } catch (const Error& error) {
            if (error.fault() == Fault::interrupted) {
                const std::lock_guard lock(mutex_);
                interrupted_ = std::current_exception();
            }
            fail(finding.result, error);
        } catch (const std::exception& error) {
            fail(finding.result,
                 {Fault::bug, printable(error.what()),
                  "this is a fault of wasmx-image: please report it with the command and this message"});
        }
        finding.seconds = seconds_since(start);
        if (finding.result.verdict == Verdict::fail && holds(selection_.ignore, finding.check.id)) {
            finding.result.verdict = Verdict::warn;
            finding.ignored = true;
        }
    }

    // The first cause is named, not the last link of the chain.
    void skip_for(Row& row, std::string_view provider) {
        const std::lock_guard lock(mutex_);
        const Row* needed = find(provider);
        row.cause = needed == nullptr || needed->cause.empty() ? std::string(provider) : needed->cause;
        const Row* first = find(row.cause);
        const bool was_skipped = first != nullptr && first->finding.result.verdict == Verdict::skip;
        skip(row.finding.result, fmt::format("{} {}", row.cause, was_skipped ? "was skipped" : "failed"));
    }

    Scene& scene_;
    const Selection& selection_;
    std::vector<Row> rows_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::exception_ptr interrupted_;
};

}  // namespace

void check_selection(const Selection& selection) {
    std::vector<std::string> known;
    for (const Check& check : checks()) known.push_back(check.id);
    for (const auto* list : {&selection.only, &selection.ignore})
        for (const std::string& id : *list) {
            if (holds(known, id)) continue;
            const auto near = nearest(id, known);
            throw Error(Fault::usage, fmt::format("there is no check \"{}\"", printable(id)),
                        near ? fmt::format("did you mean {}?", *near) : "`wasmx-image doctor --list` lists them");
        }
}

Report examine(Scene& scene, const Selection& selection, const std::vector<Check>& table) {
    return Run(scene, selection, table).report();
}

}  // namespace wasmx::doctor
