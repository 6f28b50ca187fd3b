// SPDX-License-Identifier: Apache-2.0
// Whiteouts, opaque directories, replacements and hard links, against a model: the layers applied from the base up to a
// tree in memory, as the specification says it (OCI image-spec, layer.md, "Applying Changesets"). The input is a list
// of members over few names, so that they meet: one byte what, one byte where.
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "extract/search.hpp"
#include "extract/tars.hpp"
#include "extract/tree.hpp"

using namespace wasmx;
using test::Members;

namespace {

using Model = std::map<std::string, std::string>;  // path -> "/" for a folder, "=…" for a file, "->" for a link

std::vector<std::string> folders_above(const std::string& path) {
    std::vector<std::string> out;
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
        out.push_back(path.substr(0, slash));
    return out;
}

void erase_below(Model& model, const std::string& path) {
    std::erase_if(model, [&](const auto& entry) { return path.empty() || entry.first.starts_with(path + "/"); });
}

// The layer by itself: what stands in it in the end. Folders that are only implied are there too, but marked: they do
// not replace anything.
Model of_layer(const Members& members) {
    Model out;
    for (const test::Member& member : members) {
        for (const std::string& above : folders_above(member.path)) {
            const auto found = out.find(above);
            if (found == out.end()) out[above] = "implied";
        }
        if (member.path.find(".wh.") != std::string::npos) continue;
        if (member.type != test::Type::directory) erase_below(out, member.path);
        out[member.path] = member.type == test::Type::directory ? "/"
                           : member.type == test::Type::symlink ? "->" + member.text
                                                                : "=" + member.text;
    }
    return out;
}

bool is_folder(const std::string& what) { return what == "/" || what == "implied"; }

void apply_whiteouts(Model& image, const Members& members) {
    for (const test::Member& member : members) {
        const auto slash = member.path.rfind('/');
        const std::string folder = slash == std::string::npos ? "" : member.path.substr(0, slash);
        const std::string name = member.path.substr(slash + 1);
        if (name == ".wh..wh..opq") {
            erase_below(image, folder);
        } else if (name.starts_with(".wh.")) {
            const std::string gone = (folder.empty() ? "" : folder + "/") + name.substr(4);
            erase_below(image, gone);
            image.erase(gone);
        }
    }
}

// The layer with what its hard links are one more name of, at their place in the archive. False where one leads to
// nothing, or by way of a link.
bool resolve_hard_links(Model image, Members& members) {
    apply_whiteouts(image, members);
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (members[i].type != test::Type::hardlink) continue;
        const std::string target = members[i].text;
        const Model so_far = of_layer({members.begin(), members.begin() + static_cast<std::ptrdiff_t>(i)});
        for (const std::string& above : folders_above(target)) {
            const auto found = so_far.find(above);
            if (found != so_far.end() && !is_folder(found->second)) return false;
        }
        auto found = so_far.find(target);
        if (found == so_far.end()) {
            found = image.find(target);
            if (found == image.end()) return false;
        }
        if (is_folder(found->second)) return false;
        const std::string what = found->second;
        members[i] = what.starts_with("->") ? test::symlink(members[i].path, what.substr(2))
                                            : test::file(members[i].path, what.substr(1));
    }
    return true;
}

// False for what engines do not agree on: a folder that is only implied, where a lower layer has no folder.
bool apply_layer(Model& image, const Members& members) {
    apply_whiteouts(image, members);
    for (const auto& [path, what] : of_layer(members)) {
        if (!is_folder(what)) erase_below(image, path);
        const auto there = image.find(path);
        if (there != image.end() && what == "implied") {
            if (!is_folder(there->second)) return false;
            continue;
        }
        image[path] = what;
    }
    return true;
}

// A member below a file or a link of the same layer has no place: engines refuse such an archive, or follow the link.
bool is_sound(const Members& members) {
    Model so_far;
    for (const test::Member& member : members) {
        for (const std::string& above : folders_above(member.path)) {
            const auto found = so_far.find(above);
            if (found != so_far.end() && !is_folder(found->second)) return false;
        }
        so_far[member.path] = member.type == test::Type::directory ? "/" : "=";
    }
    return true;
}

std::string shown(const Model& model) {
    std::string out;
    for (const auto& [path, what] : model)
        if (what != "implied") out += path + what + "\n";
    return out;
}

std::string shown(const extract::Tree& tree) {
    std::string out;
    for (const auto& [path, entry] : tree.entries) {
        using Type = io::TarEntry::Type;
        out += path;
        if (entry.type == Type::directory) out += "/";
        if (entry.type == Type::symlink) out += "->" + entry.target;
        if (entry.type == Type::file) out += "=" + test::all_of(tree.content.part(entry.at, entry.size).open());
        out += "\n";
    }
    return out;
}

[[noreturn]] void differ(const std::vector<Members>& layers, const std::string& what, const std::string& ours,
                         const std::string& model) {
    for (const Members& members : layers) {
        std::fprintf(stderr, "layer:");
        for (const auto& member : members)
            std::fprintf(stderr, " %s%s", member.path.c_str(),
                         member.type == test::Type::directory  ? "/"
                         : member.type == test::Type::hardlink ? ("=>" + member.text).c_str()
                                                               : ("=" + member.text).c_str());
        std::fprintf(stderr, "\n");
    }
    std::fprintf(stderr, "%s\nours:\n%s\nmodel:\n%s\n", what.c_str(), ours.c_str(), model.c_str());
    std::abort();
}

std::vector<Members> layers_from(const std::uint8_t* data, std::size_t size) {
    static const std::string places[] = {"a", "b", "a/a", "a/b", "b/a", "a/a/a", "a/b/a", "a/a/b"};
    std::vector<Members> out(1);
    for (std::size_t i = 0; i + 1 < size && out.size() < 5 && i < 100; i += 2) {
        const std::string& path = places[data[i + 1] % std::size(places)];
        switch (data[i] % 6) {
            case 0: out.back().push_back(test::file(path, std::to_string(i))); break;
            case 1: out.back().push_back(test::folder(path)); break;
            case 2: out.back().push_back(test::whiteout(path)); break;
            case 3: out.back().push_back(test::opaque(path)); break;
            case 4:
                if (data[i + 1] < 0x80)
                    out.back().push_back(test::symlink(path, "nowhere"));
                else
                    out.back().push_back(test::hardlink(path, places[data[i + 1] >> 4 & 7]));
                break;
            default: out.emplace_back(); break;
        }
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto members = layers_from(data, size);
    Model image;
    std::vector<std::string> blobs;
    for (const Members& layer : members) {
        Members resolved = layer;
        if (!is_sound(layer) || !resolve_hard_links(image, resolved) || !apply_layer(image, resolved)) return 0;
        blobs.push_back(test::tar(layer));
    }
    const extract::Layers layers{.diff_ids = test::diff_ids_of(blobs),
                                 .open = [&](std::size_t index) { return io::from_string(blobs[index]); }};
    const auto all = extract::search_tree(layers, extract::Selection::parse("/."), extract::Content::taken);
    if (shown(all) != shown(image)) differ(members, "all", shown(all), shown(image));

    // What is in a folder, and in it alone: there hard links lead out of what is taken.
    for (const std::string folder : {"a", "b", "a/a"}) {
        Model below;
        for (const auto& [path, what] : image)
            if (path.starts_with(folder + "/")) below[path.substr(folder.size() + 1)] = what;
        const auto there = image.find(folder);
        if (there == image.end() || !is_folder(there->second)) continue;
        // Nothing tells that an implied one is there but what is in it.
        if (there->second == "implied" && shown(below).empty()) continue;
        const auto tree =
            extract::search_tree(layers, extract::Selection::parse(folder + "/."), extract::Content::taken);
        if (shown(tree) != shown(below)) differ(members, folder, shown(tree), shown(below));
    }

    // Every part of it by itself.
    for (const std::string path : {"a", "b", "a/a", "a/b", "b/a", "a/a/a", "a/b/a", "a/a/b"}) {
        const auto found = image.find(path);
        const std::string expected = found == image.end() ? "" : found->second;
        std::string ours;
        try {
            ours = "=" + test::all_of(extract::search(layers, path).content.body().open());
        } catch (const Error& error) {
            if (error.fault() != Fault::not_found) throw;
            if (error.message().ends_with(" is a directory")) ours = "/";
        }
        // A link leads nowhere, and so does what is below one.
        const std::string model = is_folder(expected) ? "/" : expected.starts_with("->") ? "" : expected;
        if (expected == "implied" && ours.empty()) continue;  // nothing tells that it is there but what is gone
        if (ours != model) differ(members, path, ours, model);
    }
    return 0;
}
