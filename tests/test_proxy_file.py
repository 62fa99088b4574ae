"""LiteLLM's proxy files as input: their meaning, locations and faults."""

from __future__ import annotations

import pytest
import yaml
from toolz import dissoc

from dispatch import ModelDispatcher, check, make_router
from dispatch.config.files import load_files
from dispatch.config.positions import File
from dispatch.errors import ConfigError, Fault
from dispatch.immutable import freeze, locate, origin_of, thaw
from dispatch.litellm.proxy import proxy_config, to_yaml
from dispatch.litellm.proxy_file import find_proxy_faults, from_litellm, is_proxy_file
from dispatch.sections import read_sections
from tests.helpers import USER, places, raised, without_keys
from tests.program import run

pytestmark = pytest.mark.usefixtures("own_map")

PROXY = """\
model_list:
  - model_name: smart
    litellm_params:
      model: openai/gpt-4o
      api_base: http://127.0.0.1:9/v1
      api_key: os.environ/EU_KEY
      rpm: 6
    model_info:
      id: eu
      base_model: openai/gpt-4o
  - model_name: smart
    litellm_params: &us
      model: openai/gpt-4o
      api_base: http://127.0.0.2:9/v1
      api_key: os.environ/US_KEY
      rpm: 60
  - model_name: cheap/*
    litellm_params: {<<: *us, litellm_credential_name: shared}
    x-note: ours
litellm_settings:
  drop_params: true
  fallbacks: [{smart: [eu]}]
router_settings:
  routing_strategy: least-busy
  model_group_alias: {gpt-4: smart, hidden: {model: smart, hidden: true}}
general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
environment_variables: {LANGFUSE_HOST: "http://127.0.0.1:3000"}
credential_list:
  - {credential_name: shared, credential_values: {api_key: os.environ/US_KEY}}
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    """Set the keys that the files refer to, and no other."""
    without_keys(monkeypatch)
    for name in ("EU_KEY", "US_KEY", "OPENAI_API_KEY", "LITELLM_MASTER_KEY"):
        monkeypatch.setenv(name, "k-1")


def read(text):
    return load_files([File("p.yaml", "yaml", text)])


def entry(name="smart", info=None, **params):
    made = {"model_name": name, "litellm_params": {"model": "openai/gpt-4o", **params}}
    return made if info is None else {**made, "model_info": info}


def imported(*entries, **sections):
    return from_litellm(freeze({"model_list": [*entries], **sections}))


def models_of(*entries):
    return thaw(imported(*entries)["models"])


def meaning(config):
    """Return what LiteLLM makes of a proxy's configuration, with all defaults."""
    groups = {}
    for deployment in config["model_list"]:
        groups.setdefault(deployment["model_name"], []).append(deployment)
    read = {}
    for name, deployments in groups.items():
        orders = [d["litellm_params"].get("order", float("inf")) for d in deployments]
        steps = sorted(set(orders))
        read[name] = [
            {
                **deployment["litellm_params"],
                "order": steps.index(order),
                "weight": deployment["litellm_params"].get("weight") or 0,
                "info": dissoc(deployment.get("model_info", {}), "id", "roles", "task"),
            }
            for deployment, order in zip(deployments, orders, strict=True)
        ]
    return {"models": read, **dissoc(config, "model_list", "general_settings")}


def test_models():
    """A deployment is a model: its name is a role, its params are keys, its id is the name."""
    tree = from_litellm(read(PROXY))
    assert thaw(tree["models"])[0] == {
        "name": "eu", "model": "openai/gpt-4o", "api_base": "http://127.0.0.1:9/v1",
        "api_key": "os.environ/EU_KEY", "rpm": 6, "order": 1,
        "model_info": {"base_model": "openai/gpt-4o"}, "roles": "smart",
    }  # fmt: skip
    assert thaw(tree["roles"]) == {"smart": None, "cheap/*": None}
    assert not is_proxy_file(tree)
    assert {*tree} == {*read(PROXY)} - {"model_list"} | {"models", "roles"}


@pytest.mark.parametrize(
    ("path", "written", "line"),
    [
        (("api_key",), "model_list[0].litellm_params.api_key", 6),
        (("name",), "model_list[0].model_info.id", 9),
        (("roles",), "model_list[0].model_name", 2),
        (("order",), "model_list[0].litellm_params.order", 4),
        (("model_info", "base_model"), "model_list[0].model_info.base_model", 10),
        ((), "model_list[0]", 2),
    ],
)
def test_places(path, written, line):
    """Each value of a model has the place where the user wrote it."""
    found = locate(Fault(path, "x"), from_litellm(read(PROXY))["models"][0])
    assert (found.where, found.position.line) == (written, line)


def test_section_places():
    """A fault of all models, or of a role, has the place of the list of deployments."""
    tree = from_litellm(read(PROXY))
    for path in (("models",), ("roles",)):
        found = locate(Fault(path, "x"), tree)
        assert (found.where, found.position.line) == ("model_list", 2)
    assert locate(Fault(("litellm_settings", "drop_params"), "x"), tree).position.line == 21
    (built,) = imported(entry())["models"]  # in Python: it has a path, and no line
    assert origin_of(built).path == ("model_list", 0)
    assert locate(Fault(("model",), "x"), built).position is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([{}], [{}]),
        ([{}, {}], [{"order": 1}, {"order": 1}]),
        ([{"order": 2}, {}], [{"order": 2}, {"order": 3}]),
        ([{"order": 2}, {}, {}], [{"order": 2}, {"order": 3}, {"order": 3}]),
        ([{"order": 1}, {"order": 1}], [{"order": 1}, {"order": 1}]),
        ([{"weight": 9}, {}], [{"weight": 9, "order": 1}, {"order": 1, "weight": 0}]),
    ],
)
def test_shares(given, expected):
    """Deployments of one name share the load, unless their orders and weights say otherwise."""
    made = models_of(*(entry(**params) for params in given))
    assert [{k: m[k] for k in ("order", "weight") if k in m} for m in made] == expected


def test_names():
    """Deployments of different names do not share, and numbers are names too."""
    made = models_of(entry("a", {"id": 7}), entry("b"))
    assert [(each.get("name"), "order" in each) for each in made] == [("7", False), (None, False)]


def test_blocked():
    """A paused deployment becomes a switched-off model."""
    made = models_of({**entry(), "blocked": True}, {**entry("b"), "blocked": False})
    assert [each.get("enabled") for each in made] == [False, None]


@pytest.mark.parametrize(
    "declared", [{"smart": {"required": True}, "more": None}, ["smart", "more"]]
)
def test_own_roles(declared):
    """Roles declared in the file count, in addition to the names of deployments."""
    contract = read_sections(imported(entry(), roles=declared)).contract
    assert list(contract)[-2:] == ["smart", "more"]


@pytest.mark.parametrize("listed", [None, []])
def test_empty(listed):
    """A proxy whose models are in a database has none in its file."""
    assert thaw(from_litellm(freeze({"model_list": listed}))) == {"models": [], "roles": {}}


FILES = {
    "shared": [entry(api_key="os.environ/A"), entry(api_key="os.environ/B", rpm=5, tpm=100)],
    "ordered": [entry(order=2), entry("b"), entry(order=5), entry(order=2, weight=3)],
    "half": [entry(order=1), entry(), entry(top_p=1)],
    "weighed": [entry(weight=9), entry(weight=1), entry(top_p=0.5)],
    "noted": [entry(info={"id": "one", "mode": "chat"}), entry("b", {"id": "two"})],
    "prompt": [entry(litellm_system_prompt="Be terse.")],
    "credential": [entry(litellm_credential_name="shared")],
    "name by reference": [entry("os.environ/NAME"), entry("os.environ/NAME", top_p=1)],
}


@pytest.mark.parametrize("name", FILES)
def test_round_trip(name):
    """An export of what was read means the same, and stays the same from then on."""
    config = dissoc(yaml.safe_load(PROXY), "litellm_settings")
    config |= {"model_list": FILES[name], "router_settings": {"num_retries": 0}}
    exported = proxy_config(ModelDispatcher(from_litellm(freeze(config))))
    assert meaning(exported) == meaning(config)
    assert proxy_config(ModelDispatcher(from_litellm(freeze(exported)))) == exported


def test_expanded_within():
    """What LiteLLM expands within a string is exported as it is."""
    endpoint = {"path": "/x", "headers": {"Authorization": "Bearer os.environ/A"}}
    sections = {
        "general_settings": {"pass_through_endpoints": [endpoint]},
        "mcp_servers": {"a": {"env": {"B": "${X-B}"}}},
    }
    models = ModelDispatcher(imported(entry(), **sections))
    exported = proxy_config(models, allow_literal_secrets=True)
    assert {name: exported[name] for name in sections} == sections


def test_own_export():
    """An export of this program reads back with the names, the roles and the tasks it had."""
    main = {"name": "main", "model": "openai/gpt-4o", "roles": ["chatcompletions"]}
    other = {"model": "openai/o3", "system_prompt": "Hi", "roles": {"postcompletions": "sum up"}}
    tree = from_litellm(freeze(proxy_config(ModelDispatcher([main, other]))))
    assert thaw(tree["models"]) == [
        main | {"order": 1, "roles": "chatcompletions"},
        other | {"name": "postcompletions:1", "order": 1},
    ]


def test_router():
    """A Router of what was read answers under the names of the deployments."""
    listed = [entry("a", mock_response="from a"), entry("b", mock_response="from b")]
    router = make_router(ModelDispatcher(imported(*listed)))
    answers = [router.completion(name, messages=[USER]) for name in ("a", "b")]
    assert [answer.choices[0].message.content for answer in answers] == ["from a", "from b"]


BROKEN = yaml.safe_load(r"""
- ["model_list: {a: 1}", model_list, 1, write each as an item]
- ["model_list: x", model_list, 1, "expected a list of deployments, found a string"]
- ["model_list:\n- x", "model_list[0]", 2, "expected a deployment, found a string"]
- ["model_list:\n- litellm_params: {model: m}", "model_list[0]", 2, "no key 'model_name'"]
- ["model_list:\n- {modelName: a, litellm_params: {model: m}}", "model_list[0]", 2,
   "'modelName' looks like it: write 'model_name'"]
- ["model_list:\n- model_name: 4\n  litellm_params: {model: m}", "model_list[0].model_name", 2,
   "found a number; quote it"]
- ["model_list:\n- {model_name: a}", "model_list[0]", 2, "no key 'litellm_params'"]
- ["model_list:\n- {model_name: a, model: m}", "model_list[0]", 2,
   put the keys of the call under it]
- ["model_list:\n- model_name: a\n  litellm_params:\n  - model: m",
   "model_list[0].litellm_params", 4, "found a list; remove the dash"]
- ["model_list:\n- model_name: a\n  litellm_params: {modle: m}",
   "model_list[0].litellm_params", 3, "'modle' looks like it"]
- ["model_list:\n- model_name: a\n  litellm_params: {model: m}\n  model_info: [x]",
   "model_list[0].model_info", 4, "expected a mapping, found a list"]
- ["model_list:\n- model_name: a\n  litellm_params: {model: m, roles: {user: {}}}",
   "model_list[0].litellm_params.roles", 3, cannot be kept]
""")


@pytest.mark.parametrize(("text", "where", "line", "says"), BROKEN, ids=range(len(BROKEN)))
def test_broken(text, where, line, says):
    """Each fault in a list of deployments has a location, and a hint."""
    (fault,) = raised(ConfigError, from_litellm, read(text)).faults
    assert (fault.where, fault.position.line) == (where, line)
    assert says in str(fault)


def test_all_at_once():
    """All faults of all entries are raised at once."""
    faults = raised(ConfigError, imported, 1, {"model_name": ""}, entry(name="")).faults
    found = ["model_list[0]", "model_list[1].model_name", "model_list[1]"]
    assert places(faults) == [*found, "model_list[2].model_name"]


M = "litellm_params: {model: openai/gpt-4o, api_key: os.environ/EU_KEY"
WARNED = [  # the six of litellm#34877, and more of their kinds
    (f"model_list: [{{model_name: a, {M}}}}}]\nrouter_settings: {{fallbacks: [{{a: [b]}}]}}",
     "router_settings.fallbacks[0].a[0]", "no role or model is named 'b'"),
    (f"model_list: [{{model_name: abc, {M}}}}}]\n"
     "router_settings: {model_group_alias: {x: abd}}",
     "router_settings.model_group_alias.x", "did you mean 'abc'?"),
    (f"model_list: [{{model_name: a, {M}}}}}, {{model_name: a, {M}}}}}]",
     "model_list[1]", "the same deployment as model_list[0]"),
    (f"model_list: [{{model_name: a, {M}}}}}]\n"
     "router_settings: {routing_strategy: usage-based-routing-v3}",
     "router_settings.routing_strategy", "did you mean 'usage-based-routing-v2'?"),
    ("model_list: [{model_name: a, litellm_params: {model: openai/gpt-4o,"
     " api_key: os.environ/NOWHERE}}]",
     "model_list[0].litellm_params.api_key", "NOWHERE is not set"),
    (f"model_list: [{{model_name: a, {M}}}}}]\ngeneralSettings: {{master_key: os.environ/EU_KEY}}",
     "generalSettings", "did you mean 'general_settings'?"),
    ("model_list: [{model_name: a, litellm_params: {model: [openai/gpt-4o]}}]",
     "model_list[0].litellm_params.model", "expected the name of a model, found a list"),
    (f"model_list: [{{model_name: a, {M}, temprature: 0}}}}]",
     "model_list[0].litellm_params.temprature", "did you mean 'temperature'?"),
    (f"model_list: [{{model_name: a, {M}}}, seed: 5}}]",
     "model_list[0].seed", "put it under litellm_params"),
    (f"model_list: [{{model_name: a, {M}}}, modelInfo: {{id: x}}}}]",
     "model_list[0].modelInfo", "did you mean 'model_info'?"),
    (f"model_list: [{{model_name: a, {M}}}, price: 5}}]",
     "model_list[0].price", "keep notes under model_info"),
    (f"model_list: [{{model_name: a, {M}, weight: 9}}}}, {{model_name: a, {M}}}}}]",
     "model_list[1].litellm_params", "is asked only if others of its name fail"),
    (f"model_list: [{{model_name: a, {M}, litellm_credential_name: shard}}}}]\n"
     "credential_list: [{credential_name: shared, credential_values: {}}]",
     "model_list[0].litellm_params.litellm_credential_name", "did you mean 'shared'?"),
    (f"include: [more.yaml]\nmodel_list: [{{model_name: a, {M}}}}}]",
     "include", "is not read here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "where", "says"), WARNED, ids=range(len(WARNED)))
def test_check(text, where, says):
    """A check finds what LiteLLM's proxy silently ignores, with the line in the file."""
    report = check(read(text))
    (found,) = report.faults + report.warnings
    assert (found.where, says in str(found), bool(found.position)) == (where, True, True)


GOOD = {
    "whole": PROXY,
    "database": "general_settings: {store_model_in_db: true}\nmodel_list: "
    f"[{{model_name: a, {M}, litellm_credential_name: kept}}}}]\ncredential_list: []",
    "wildcard": f"model_list: [{{model_name: '*', {M}}}}}]\n"
    "router_settings: {model_group_alias: {x: y}}",
    "two keys": f"model_list: [{{model_name: a, {M}}}}}, {{model_name: a, litellm_params: "
    "{model: openai/gpt-4o, api_key: os.environ/US_KEY}}]",
    "own": f"x-team: blue\nmodel_list: [{{model_name: a, {M}, order: 1}}, x-note: 1}}]",
}


@pytest.mark.parametrize("name", GOOD)
def test_good(name):
    """A valid proxy file has no findings."""
    report = check(read(GOOD[name]))
    assert [*map(str, report.faults + report.warnings)] == []
    assert report.models == len(yaml.safe_load(GOOD[name])["model_list"])


def test_both():
    """Deployments next to models are not read, which the check reports; models are fine."""
    models = {"models": [{"model": "openai/gpt-4o"}]}
    (fault,) = find_proxy_faults(freeze({**models, "model_list": [entry()]}))
    assert str(fault).startswith("model_list: is not read")
    settings = {"model_group_alias": {"gpt-4": "chatcompletions"}}
    assert list(find_proxy_faults(freeze({**models, "router_settings": settings}))) == []


def test_commands(write):
    """Every command reads proxy files directly, and exports mean the same."""
    file = write("proxy.yaml", PROXY)
    assert run("check", file).stdout == "3 models, no faults, no warnings\n"
    assert "cheap/*" in run("show", file).stdout
    explained = run("explain", file, "models[0].api_key").stdout
    assert "model_list[0].litellm_params.api_key" in explained
    exported = run("export", file, "--to", "litellm-proxy")
    assert exported.stderr == ""
    assert meaning(yaml.safe_load(exported.stdout)) == meaning(yaml.safe_load(PROXY))
    ours = write("models.yaml", to_yaml(thaw(from_litellm(read(PROXY)))))
    made = proxy_config(ModelDispatcher(load_files([ours])))
    assert meaning(made) == meaning(yaml.safe_load(PROXY))


def test_several_files(write):
    """Files of a proxy keep all their deployments, each at its place."""
    for name, key in (("a", "temperature"), ("b", "temprature")):
        params = f"{{model: openai/gpt-4o, api_key: none, {key}: 1, mock_response: {name}}}"
        text = f"model_list:\n  - {{model_name: {name}, litellm_params: {params}}}\n"
        write(f"{name}.yaml", text)
    done = run("check", "a.yaml", "b.yaml")
    assert done.stdout.startswith("warning: b.yaml:2:75: model_list[1].litellm_params.temprature")
    assert "2 models" in done.stdout
    assert "--role a, or --role b" in run("run", "a.yaml", "b.yaml", "hi").stderr
    assert run("run", "b.yaml", "hi", "-q").stdout == "b\n"


def test_no_master_key():
    """A proxy without a master key stays without one."""
    config = {"model_list": [entry()]}
    assert "general_settings" not in proxy_config(ModelDispatcher(config))
    config["general_settings"] = {"alerting": ["slack"]}
    assert proxy_config(ModelDispatcher(config))["general_settings"] == {"alerting": ["slack"]}
    ours = proxy_config(ModelDispatcher({"models": [{"model": "openai/gpt-4o"}]}))
    assert "master_key" in ours["general_settings"]
