"""What users write for each provider passes unchanged: out of `morph`, and over HTTP on loopback.

The keys are in the style of LiteLLM's pages on these providers. Vertex is not asked over HTTP, as
its credentials are exchanged at Google's own servers first.
"""

from __future__ import annotations

import contextlib
import importlib.util

import litellm
import pytest
import yaml
from werkzeug import Response

from dispatch import ModelDispatcher, model_list
from tests.helpers import USER

PROVIDERS = yaml.safe_load("""
openai:
  {model: openai/gpt-4o, api_key: sk-1, organization: org-1, temperature: 0.3, max_tokens: 9,
   seed: 7, logit_bias: {"50256": -100}, response_format: {type: json_object},
   extra_headers: {X-Team: blue}, extra_body: {store: true}}
openai reasoning:
  {model: o3-mini, api_key: sk-1, reasoning_effort: low, max_completion_tokens: 9,
   service_tier: flex, num_retries: 2, timeout: 30, drop_params: true}
azure:
  {model: azure/my-deployment, api_key: az-1, api_version: "2024-06-01", temperature: 0.3}
azure by entra:
  {model: azure/my-deployment, azure_ad_token: ad-1, api_version: "2024-06-01", top_p: 0.3}
azure by principal:
  {model: azure/my-deployment, tenant_id: t, client_id: c, client_secret: s,
   azure_scope: "https://cognitiveservices.azure.com/.default"}
anthropic:
  {model: anthropic/claude-3-7-sonnet-20250219, api_key: ant-1, max_tokens: 2048, top_k: 5,
   stop_sequences: [END], thinking: {type: enabled, budget_tokens: 1024},
   extra_headers: {anthropic-beta: output-128k-2025-02-19}}
bedrock:
  {model: "bedrock/anthropic.claude-3-5-sonnet-20240620-v1:0", aws_access_key_id: AK-1,
   aws_secret_access_key: SK-1, aws_session_token: ST-1, aws_region_name: eu-west-1,
   max_tokens: 9, top_k: 5, guardrailConfig: {guardrailIdentifier: g, guardrailVersion: "1"}}
bedrock by role:
  {model: "bedrock/us.amazon.nova-pro-v1:0", aws_role_name: "arn:aws:iam::1:role/r",
   aws_session_name: s, aws_profile_name: p, aws_web_identity_token: w,
   aws_sts_endpoint: "https://sts.eu-west-1.amazonaws.com",
   performanceConfig: {latency: optimized}}
vertex:
  {model: vertex_ai/gemini-2.5-pro, vertex_project: p, vertex_location: europe-west1,
   vertex_credentials: '{"type": "service_account"}', labels: {team: blue},
   safety_settings: [{category: HARM_CATEGORY_HARASSMENT, threshold: BLOCK_NONE}]}
gemini:
  {model: gemini/gemini-2.5-flash, api_key: gm-1, reasoning_effort: low, top_k: 4,
   safety_settings: [{category: HARM_CATEGORY_HARASSMENT, threshold: BLOCK_NONE}]}
ollama:
  {model: ollama/llama3, num_ctx: 8192, num_predict: 7, mirostat: 1, repeat_penalty: 1.1,
   format: json}
ollama chat:
  {model: ollama_chat/llama3, num_ctx: 8192, keep_alive: 5m}
vllm:
  {model: hosted_vllm/my-model, api_key: none, top_k: 20, min_p: 0.1, repetition_penalty: 1.1,
   guided_choice: [a, b], chat_template_kwargs: {enable_thinking: false},
   extra_body: {priority: 1}}
any openai-compatible server:
  {model: openai/my-model, api_key: none, extra_body: {guided_json: {type: object}}, top_k: 20,
   input_cost_per_token: 0.1, custom_llm_provider: openai}
""")

# Over HTTP: the key that names the endpoint, and the path, headers and part of the body that are
# expected. A key that is None must be absent.
ARRIVES = yaml.safe_load("""
openai:
  - api_base
  - /chat/completions
  - {Authorization: Bearer sk-1, OpenAI-Organization: org-1, X-Team: blue}
  - {model: gpt-4o, temperature: 0.3, max_tokens: 9, seed: 7, logit_bias: {"50256": -100},
     response_format: {type: json_object}, store: true}
openai reasoning:
  - base_url
  - /chat/completions
  - {Authorization: Bearer sk-1}
  - {reasoning_effort: low, max_completion_tokens: 9, service_tier: flex}
azure:
  - api_base
  - /openai/deployments/my-deployment/chat/completions?api-version=2024-06-01
  - {api-key: az-1}
  - {temperature: 0.3}
azure by entra:
  - api_base
  - /openai/deployments/my-deployment/chat/completions?api-version=2024-06-01
  - {Authorization: Bearer ad-1}
  - {top_p: 0.3}
anthropic:
  - api_base
  - /v1/messages
  - {x-api-key: ant-1, anthropic-beta: output-128k-2025-02-19}
  - {max_tokens: 2048, top_k: 5, stop_sequences: [END],
     thinking: {type: enabled, budget_tokens: 1024}}
bedrock:
  - aws_bedrock_runtime_endpoint
  - /model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse
  - {X-Amz-Security-Token: ST-1}
  - {inferenceConfig: {maxTokens: 9}, additionalModelRequestFields: {top_k: 5},
     guardrailConfig: {guardrailIdentifier: g, guardrailVersion: "1"}}
gemini:
  - api_base
  - /models/gemini-2.5-flash:generateContent
  - {x-goog-api-key: gm-1}
  - {safetySettings: [{category: HARM_CATEGORY_HARASSMENT, threshold: BLOCK_NONE}]}
ollama:
  - api_base
  - /api/generate
  - {}
  - {format: json,
     options: {num_ctx: 8192, num_predict: 7, mirostat: 1, repeat_penalty: 1.1}}
ollama chat:
  - api_base
  - /api/chat
  - {}
  - {options: {num_ctx: 8192}, keep_alive: 5m}
vllm:
  - api_base
  - /chat/completions
  - {Authorization: Bearer none}
  - {top_k: 20, min_p: 0.1, repetition_penalty: 1.1, guided_choice: [a, b],
     chat_template_kwargs: {enable_thinking: false}, priority: 1}
any openai-compatible server:
  - api_base
  - /chat/completions
  - {Authorization: Bearer none}
  - {guided_json: {type: object}, top_k: 20, input_cost_per_token: null}
""")

OWN = {"name": "mine", "system_prompt": "be brief", "roles": ["chatcompletions"]}


def complete(model, messages=(), **kwargs):
    """A program's own function."""


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("target", [litellm.completion, litellm.acompletion, complete])
@pytest.mark.filterwarnings("error")
def test_morph(provider, target):
    """The arguments of a call, and a deployment, are what was written, in order, and no more."""
    written = PROVIDERS[provider]
    models = ModelDispatcher([OWN | written])
    kwargs = models.for_chatcompletions.morph(target, strict=True, allow_extra_keys=False)
    assert list(kwargs.items()) == list(written.items())
    (made,) = model_list(models.groups)
    assert made["litellm_params"] == written | {"litellm_system_prompt": "be brief", "order": 1}


@pytest.mark.parametrize("provider", ARRIVES)
def test_request(provider, httpserver):
    """The provider receives what was written, and no reserved key."""
    if provider == "bedrock" and importlib.util.find_spec("botocore") is None:
        pytest.skip("LiteLLM signs for Bedrock with botocore, which is absent")
    endpoint, path, headers, expected = ARRIVES[provider]
    httpserver.respond_nohandler = lambda request, *_: Response("{}", status=200)
    model = OWN | PROVIDERS[provider] | {endpoint: httpserver.url_for("/").rstrip("/")}
    kwargs = ModelDispatcher([model]).for_chatcompletions.kwargs()
    with contextlib.suppress(Exception):  # the answer is empty; what arrived is what counts
        litellm.completion(**kwargs, messages=[USER], max_retries=0)
    request = httpserver.log[0][0]
    body = request.get_json(force=True)
    assert request.environ["RAW_URI"] == path
    assert {name: request.headers.get(name) for name in headers} == headers
    assert {name: body.get(name) for name in expected} == expected
    assert not {"name", "system_prompt", "roles"} & set(body)
