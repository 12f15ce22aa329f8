"""What a shell offers behind `ledger`, from the parser itself. The scripts ask for it by `ledger __complete`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence

from cli.arguments import Fields

ASK = "__complete"
SCRIPTS = {
    "bash": """\
# ledger: to load it, put into ~/.bashrc:  source <(ledger completion bash)
_ledger() {
    local IFS=$'\\n'
    COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *, ]] && compopt -o nospace
    return 0
}
complete -o default -F _ledger ledger
""",
    "zsh": """\
#compdef ledger
# ledger: to load it, put into ~/.zshrc, behind compinit:  source <(ledger completion zsh)
_ledger() {
    local -a found
    found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    [[ -n "$found" ]] && compadd -- "${found[@]}" || _files
}
compdef _ledger ledger
""",
    "fish": """\
# ledger: to load it:  ledger completion fish > ~/.config/fish/completions/ledger.fish
function __ledger_complete
    set -l words (commandline -opc)
    $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c ledger -f -a '(__ledger_complete)'
""",
}


def candidates(
    parser: argparse.ArgumentParser, words: Sequence[str], profiles: Callable[[], Iterable[str]]
) -> list[str]:
    """What may stand in the last of `words`, which is begun or empty."""
    *before, begun = words or [""]
    behind = list(before)
    while (subparsers := _subparsers(parser)) is not None and behind:
        name = behind.pop(0)
        if name not in subparsers.choices:
            return []
        parser = subparsers.choices[name]
    if subparsers is not None:
        found: Iterable[str] = subparsers.choices
    elif (option := _awaiting(parser, behind)) is not None:
        return _values(option, begun, profiles)
    elif begun.startswith("-"):
        found = _options(parser, behind)
    else:
        found = ()
    return sorted(each for each in found if each.startswith(begun))


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser] | None:
    actions = parser._actions
    return next((each for each in actions if isinstance(each, argparse._SubParsersAction)), None)


def _awaiting(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Action | None:
    """The option before the last word, if it takes a value."""
    option = parser._option_string_actions.get(words[-1]) if words else None
    return option if option is not None and option.nargs != 0 else None


def _options(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    return [each for each in parser._option_string_actions if each.startswith("--") and each not in words]


def _values(option: argparse.Action, begun: str, profiles: Callable[[], Iterable[str]]) -> list[str]:
    if isinstance(option.type, Fields):
        given, comma, last = begun.rpartition(",")
        return [
            f"{given}{comma}{each}"
            for each in option.type.known
            if each.startswith(last) and each not in given.split(",")
        ]
    found = profiles() if option.dest == "profile" else option.choices or ()
    return sorted(each for each in found if each.startswith(begun))
