// SPDX-License-Identifier: BSL-1.0
/// \file
/// The text of a Process, as Python's repr writes it.
#pragma once

#include <multiprocessing/detail/os/signals.hpp>
#include <multiprocessing/detail/runtime/process_record.hpp>
#include <multiprocessing/detail/runtime/process_view.hpp>
#include <multiprocessing/detail/runtime/runtime.hpp>
#include <multiprocessing/detail/text/quote.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// What Python calls the state of a process; "stopped" comes with its exit code.
inline std::string_view process_status(const ProcessView& view, std::optional<int>& code) {
  if (view.is_self) return "started";
  if (view.is_closed()) return "closed";
  if (!view.is_ours()) return "unknown";
  if (!view.child) return "initial";
  code = view.child->poll();
  return code ? "stopped" : "started";
}

/// `<Process name='Process-1' pid=71 parent=70 stopped exitcode=-SIGTERM daemon>`; `kind` is the class of the object.
inline std::string process_text(const std::shared_ptr<ProcessRecord>& record, std::string kind) {
  const ProcessView view = view_of(record);
  std::string name;
  bool daemon = false;
  {
    const RuntimeAccess access;
    name = record_name(*record, kind);
    daemon = record->daemon;
    if (view.is_parent) kind = "_ParentProcess";
    if (view.is_self && !access->parent) kind = "_MainProcess";
  }
  std::optional<int> code;
  const std::string_view status = process_status(view, code);

  std::string text = '<' + kind + " name=";
  append_quoted(text, std::string_view(name));
  if (view.child) text += " pid=" + std::to_string(view.child->pid());
  text += " parent=" + (view.creator == 0 ? "None" : std::to_string(view.creator));
  text.append(" ").append(status);
  if (code) {
    const std::string signal = *code < 0 ? signal_name(-*code) : "";
    text += " exitcode=" + (signal.empty() ? std::to_string(*code) : '-' + signal);
  }
  return text + (daemon ? " daemon>" : ">");
}

}  // namespace multiprocessing::detail
