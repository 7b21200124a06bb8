"""What the client and the engine have in common is the same verb in both."""

import inspect
from collections.abc import Mapping

import pytest

from tseng.client.client import Client
from tseng.engine import Engine

# A client has its project, its key says who changes something, and it makes the keys of uploads itself.
OF_THE_ENGINE = {"project", "by", "once"}
# What hangs where the id and NODE_ID say; pages are the server's; a subscription of a client can be iterated over.
OTHERWISE = {
    "create_entity": {"parent"},
    "replace_entity": {"parent"},
    "entities": {"after"},
    "subscribe_data": {"outlet"},
}
CLIENT_ALONE = {"call", "each_entity", "entity", "subscribe"}


def verbs(of: type) -> set[str]:
    """Public names."""
    return {name for name in dir(of) if not name.startswith("_")}


BOTH = sorted((verbs(Engine) & verbs(Client)) - {"close"})


def parameters(of: type, verb: str) -> Mapping[str, inspect.Parameter]:
    """Of a verb, by name."""
    return inspect.signature(getattr(of, verb)).parameters


def test_few_verbs_are_the_clients_alone() -> None:
    """Any other that the engine has not would be a second name for something."""
    assert verbs(Client) - verbs(Engine) == CLIENT_ALONE
    assert len(BOTH) > 15


@pytest.mark.parametrize("verb", BOTH)
def test_both_take_the_same(verb: str) -> None:
    """The same names in the same order with the same defaults; what a client takes beside them may be left out."""
    engine, client = parameters(Engine, verb), parameters(Client, verb)
    common = [name for name in engine if name not in OF_THE_ENGINE | OTHERWISE.get(verb, set())]
    assert [name for name in client if name in common] == common
    for name in common:
        assert (client[name].kind, client[name].default) == (engine[name].kind, engine[name].default), name
    for name in client.keys() - set(common):
        assert client[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert client[name].default is not inspect.Parameter.empty


@pytest.mark.parametrize("verb", sorted(verbs(Client) - {"close"}))
def test_every_verb_says_what_it_does(verb: str) -> None:
    """In a docstring, and with types."""
    found = inspect.signature(getattr(Client, verb))
    assert getattr(Client, verb).__doc__
    assert found.return_annotation is not inspect.Signature.empty
