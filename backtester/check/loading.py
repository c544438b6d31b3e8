"""The strategy that a person names: a registered one, or a class in a file of their own."""

import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from backtester.check.probe import Make, is_warmup
from shared.errors import ConfigError
from shared.strategies.registry import build
from shared.strategies.scoring import line_in

OFFERS = ("name", "warmup", "score", "explain")


@dataclass(frozen=True, slots=True)
class Own:
    """Makes strategies of a class in a person's own file; pickled, it becomes what runs that file anew."""

    kind: type
    where: str
    params: Mapping[str, Any]
    argument: str
    settings: tuple[str, ...]

    def __call__(self) -> Any:
        return _instance(self.kind, self.where, self.params)

    def __reduce__(self) -> tuple[Callable[..., Make], tuple[str, tuple[str, ...]]]:
        return strategy_named, (self.argument, self.settings)


def strategy_named(argument: str, settings: Sequence[str] = ()) -> Make:
    """What makes the strategy, each time a new one, with `settings` (PARAM=VALUE) in place of its defaults.

    `argument` is a registered name, or path/to/file.py:ClassName; that file is run, as any program of yours would be.
    ConfigError names what is wrong: the file, the class, the parameter.
    """
    params = dict(map(_setting, settings))
    if ".py" not in argument:
        build(argument, params)
        return partial(build, argument, params)
    path, _, name = argument.rpartition(":") if ".py:" in argument else (argument, "", "")
    kind = _class(_module(Path(path)), Path(path), name)
    make = Own(kind, f"{path}:{kind.__name__}", params, argument, tuple(settings))
    _require_strategy(make(), argument)
    return make


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ConfigError(f"--set {text}: write it as PARAM=VALUE, such as adx_above=30")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file; name a strategy as path/to/file.py:ClassName")
    name = f"parley_strategy_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: is no Python file; its name must end in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look a class's module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ConfigError(f"{path}: can't be loaded: {_place(error, path)}{type(error).__name__}: {error}") from error
    return module


def _place(error: BaseException, path: Path) -> str:
    """The last line of the person's own file that the error went through."""
    line = error.lineno if isinstance(error, SyntaxError) and error.lineno else line_in(path, error)
    return f"line {line}: " if line else ""


def _class(module: ModuleType, path: Path, name: str) -> type:
    own = {
        known: kind
        for known, kind in vars(module).items()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and hasattr(kind, "score")
    }
    if name in own:
        return own[name]
    if not name and len(own) == 1:
        return next(iter(own.values()))
    there = f"there are {', '.join(sorted(own))}" if own else "none of its classes has score()"
    what = f"has no strategy {name!r}" if name else "name the class, as file.py:ClassName"
    raise ConfigError(f"{path}: {what}; {there}")


def _instance(kind: type, where: str, params: Mapping[str, Any]) -> Any:
    model = getattr(kind, "Params", None)
    try:
        if inspect.isclass(model) and issubclass(model, BaseModel):
            return kind(model.model_validate(dict(params)))
        return kind(**params)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"--set, {where}: {said}") from error
    except Exception as error:
        raise ConfigError(f"{where}: can't be made with --set {dict(params)}: {error}") from error


def _require_strategy(strategy: object, argument: str) -> None:
    try:
        missing = [name for name in OFFERS if not hasattr(strategy, name)]
        warmup = getattr(strategy, "warmup", 1)
    except Exception as error:
        raise ConfigError(f"{argument}: can't be asked what it offers: {type(error).__name__}: {error}") from error
    if missing:
        raise ConfigError(f"{argument}: lacks {', '.join(missing)}; see shared/strategies/base.py for what one offers")
    if not is_warmup(warmup):
        raise ConfigError(f"{argument}: its warmup is {warmup!r}; give a whole number of bars from 1 on")
