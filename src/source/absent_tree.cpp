// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "source/trees.hpp"

namespace wasmx::source {

namespace {

class AbsentTree final : public Tree {
public:
    explicit AbsentTree(Facts facts) : facts_(std::move(facts)) {}
    const std::string& description() const override { return facts_.description; }
    const std::optional<std::string>& revision() const override { return facts_.revision; }
    const std::string& url() const override { return facts_.url; }
    std::int64_t date() const override { return facts_.date; }
    bool has_files() const override { return false; }
    Extent extent() const override { return {}; }
    std::optional<std::string> find_file(const std::string&) const override { return std::nullopt; }
    std::optional<std::string> find_tree_id(const std::string&) const override { return std::nullopt; }
    std::function<std::optional<io::TarMember>()> members(const std::string&, const std::string&,
                                                          Ignore) const override {
        throw Error(Fault::bug, "the files of a source were asked for that has not been fetched");
    }

private:
    Facts facts_;
};

}  // namespace

std::unique_ptr<Tree> absent_tree(Facts facts) { return std::make_unique<AbsentTree>(std::move(facts)); }

}  // namespace wasmx::source
