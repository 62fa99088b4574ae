"""The keys that may stand in a model, as of LiteLLM 1.106.2: data, no code.

So that knowing them costs no import of litellm. `LITELLM` is the union of its own lists; a test
compares it with the installed ones, and tells which names to add. `PROVIDERS` are keys of the
providers' own that those lists lack, which LiteLLM forwards as they are.
"""

__all__ = ["LITELLM", "PROVIDERS"]

LITELLM = """
    acompletion adaptive_router_config adaptive_router_default_model aembedding aimg_generation
    allm_passthrough_route allow_client_keepalive_override allowed_model_region
    allowed_openai_params annotation_cost_per_page annotation_cost_per_page_batches
    anthropic_disable_workload_identity_federation anthropic_federation_rule_id
    anthropic_federation_workspace_id anthropic_identity_source anthropic_identity_token
    anthropic_identity_token_file anthropic_issuer_audience anthropic_issuer_signing_key_ref
    anthropic_issuer_subject anthropic_issuer_ttl_seconds anthropic_issuer_url
    anthropic_keycloak_auth_method anthropic_keycloak_client_id
    anthropic_keycloak_client_secret_ref anthropic_keycloak_scope anthropic_keycloak_token_url
    anthropic_organization_id anthropic_service_account_id api_base api_key api_version
    arize_api_key arize_error_sampling_rate arize_otlp_protocol arize_space_id arize_space_key
    arize_success_sampling_rate assistant_continue_message async_call atext_completion
    attempted_targets audio auto_router_config auto_router_config_path auto_router_default_model
    auto_router_embedding_model auto_router_max_input_chars auto_router_model_compression
    auto_router_routing_compression aws_access_key_id aws_batch_role_arn aws_bedrock_project_id
    aws_bedrock_runtime_endpoint aws_external_id aws_profile_name aws_region_name aws_role_name
    aws_secret_access_key aws_session_name aws_session_tags aws_session_token aws_sts_endpoint
    aws_web_identity_token azure azure_ad_token azure_ad_token_provider azure_password
    azure_scope azure_username base_model base_url bedrock_tags bos_token bucket_name
    budget_duration cache cache_creation_input_audio_token_cost cache_creation_input_token_cost
    cache_creation_input_token_cost_above_100k_tokens
    cache_creation_input_token_cost_above_100k_tokens_batches
    cache_creation_input_token_cost_above_1hr
    cache_creation_input_token_cost_above_1hr_above_100k_tokens
    cache_creation_input_token_cost_above_200k_tokens
    cache_creation_input_token_cost_above_200k_tokens_batches
    cache_creation_input_token_cost_above_272k_tokens
    cache_creation_input_token_cost_above_272k_tokens_batches
    cache_creation_input_token_cost_above_272k_tokens_flex
    cache_creation_input_token_cost_above_272k_tokens_priority
    cache_creation_input_token_cost_above_272k_tokens_ultrafast
    cache_creation_input_token_cost_batches cache_creation_input_token_cost_flex
    cache_creation_input_token_cost_priority cache_creation_input_token_cost_ultrafast cache_key
    cache_read_input_audio_token_cost cache_read_input_image_token_cost
    cache_read_input_token_cost cache_read_input_token_cost_above_100k_tokens
    cache_read_input_token_cost_above_100k_tokens_batches
    cache_read_input_token_cost_above_200k_tokens
    cache_read_input_token_cost_above_200k_tokens_batches
    cache_read_input_token_cost_above_200k_tokens_priority
    cache_read_input_token_cost_above_272k_tokens
    cache_read_input_token_cost_above_272k_tokens_batches
    cache_read_input_token_cost_above_272k_tokens_flex
    cache_read_input_token_cost_above_272k_tokens_priority
    cache_read_input_token_cost_above_272k_tokens_ultrafast
    cache_read_input_token_cost_above_512k_tokens cache_read_input_token_cost_balanced
    cache_read_input_token_cost_batches cache_read_input_token_cost_flex
    cache_read_input_token_cost_priority cache_read_input_token_cost_ultrafast caching
    caching_groups citation_cost_per_token client client_id client_secret client_side_timeout
    complete_response completion_call_id complexity_router_config
    complexity_router_default_model configurable_clientside_auth_params
    context_window_fallback_dict cooldown_time cost_per_query cost_per_second
    custom_llm_provider custom_prompt_dict data_residency dd_agent_host dd_agent_port dd_api_key
    dd_site default_api_key_rpm_limit default_api_key_tpm_limit default_headers deployment_id
    disable_add_transform_inline_image_block drop_params enable_json_schema_validation
    enable_prompt_caching enable_tag_filtering ensure_alternating_roles eos_token extra_headers
    fallback_depth fallbacks fastest_response final_prompt_value fireworks_forward_user_id
    force_timeout frequency_penalty function_call functions gcs_bucket_name
    gcs_path_service_account google_maps_grounding_cost_per_query guardrails headers
    hf_model_name humanloop_api_key id include_server_side_tool_invocations
    input_cost_per_audio_per_second input_cost_per_audio_per_second_above_128k_tokens
    input_cost_per_audio_token input_cost_per_audio_token_batches input_cost_per_character
    input_cost_per_character_above_128k_tokens input_cost_per_image
    input_cost_per_image_above_128k_tokens input_cost_per_image_token
    input_cost_per_image_token_batches input_cost_per_pixel input_cost_per_query
    input_cost_per_second input_cost_per_token input_cost_per_token_above_100k_tokens
    input_cost_per_token_above_100k_tokens_batches input_cost_per_token_above_128k_tokens
    input_cost_per_token_above_200k_tokens input_cost_per_token_above_200k_tokens_batches
    input_cost_per_token_above_200k_tokens_priority input_cost_per_token_above_272k_tokens
    input_cost_per_token_above_272k_tokens_batches input_cost_per_token_above_272k_tokens_flex
    input_cost_per_token_above_272k_tokens_priority
    input_cost_per_token_above_272k_tokens_ultrafast input_cost_per_token_above_512k_tokens
    input_cost_per_token_balanced input_cost_per_token_batches input_cost_per_token_cache_hit
    input_cost_per_token_flex input_cost_per_token_priority input_cost_per_token_ultrafast
    input_cost_per_video_per_second input_cost_per_video_per_second_above_128k_tokens
    input_cost_per_video_per_second_above_15s_interval
    input_cost_per_video_per_second_above_8s_interval input_cost_per_video_token
    input_cost_per_video_token_batches itpm keepalive_seconds langfuse_environment langfuse_host
    langfuse_prompt_version langfuse_public_key langfuse_secret langfuse_secret_key
    langfuse_span_scope langsmith_api_key langsmith_base_url langsmith_project
    langsmith_sampling_rate langsmith_tenant_id litellm_call_id litellm_credential_name
    litellm_disabled_callbacks litellm_logging_obj litellm_metadata litellm_request_debug
    litellm_session_id litellm_system_prompt litellm_trace_id litellm_trusted_callback_vars
    log_client_error_tracebacks logger_fn logit_bias logprobs max_agentic_loops max_budget
    max_completion_tokens max_fallbacks max_file_size_mb max_parallel_requests max_retries
    max_tokens merge_reasoning_content_in_choices metadata milvus_db_name milvus_partition_names
    milvus_text_field mock_response mock_timeout modalities model model_alias_map model_config
    model_file_id_mapping model_info model_list n newrelic_api_key newrelic_region no-log
    num_retries ocr_cost_per_credit ocr_cost_per_page ocr_cost_per_page_batches
    openai_identity_provider_id openai_identity_token_file openai_service_account_id order
    organization otpm output_cost_per_audio_per_second output_cost_per_audio_token
    output_cost_per_character output_cost_per_character_above_128k_tokens output_cost_per_image
    output_cost_per_image_1024 output_cost_per_image_1536 output_cost_per_image_512
    output_cost_per_image_token output_cost_per_image_token_batches output_cost_per_pixel
    output_cost_per_reasoning_token output_cost_per_reasoning_token_flex
    output_cost_per_reasoning_token_priority output_cost_per_second output_cost_per_second_1080p
    output_cost_per_second_2k output_cost_per_second_480p output_cost_per_second_4k
    output_cost_per_second_720p output_cost_per_second_768p output_cost_per_token
    output_cost_per_token_above_100k_tokens output_cost_per_token_above_100k_tokens_batches
    output_cost_per_token_above_128k_tokens output_cost_per_token_above_200k_tokens
    output_cost_per_token_above_200k_tokens_batches
    output_cost_per_token_above_200k_tokens_priority output_cost_per_token_above_272k_tokens
    output_cost_per_token_above_272k_tokens_batches output_cost_per_token_above_272k_tokens_flex
    output_cost_per_token_above_272k_tokens_priority
    output_cost_per_token_above_272k_tokens_ultrafast output_cost_per_token_above_512k_tokens
    output_cost_per_token_balanced output_cost_per_token_batches output_cost_per_token_flex
    output_cost_per_token_priority output_cost_per_token_ultrafast
    output_cost_per_video_per_second output_cost_per_video_token output_vector_size
    parallel_tool_calls posthog_api_key posthog_api_url prediction presence_penalty
    preset_cache_key prompt_cache_key prompt_cache_retention prompt_environment prompt_id
    prompt_label prompt_variables prompt_version provider_affinity_header
    provider_specific_header proxy_server_request quality_router_config
    quality_router_default_model reasoning_effort region_name
    regional_endpoint_uplift_multiplier regional_processing_uplift_multiplier_eu
    regional_processing_uplift_multiplier_us request_timeout response_format retry_policy
    retry_strategy roles routing_strategy rpm rust s3_access_key_id s3_bucket_name
    s3_bucket_owner s3_encryption_key_id s3_endpoint_url s3_output_bucket_name s3_region_name
    s3_secret_access_key safety_identifier search_context_cost_per_query search_tool_name
    secret_fields seed service_tier shared_session signoz_ingestion_endpoint
    signoz_ingestion_key silent_model ssl_verify stop store stream stream_chunk_size
    stream_options stream_response stream_timeout stream_timeout_by_service_tier
    supports_system_message tag_regex tags temperature tenant_id text_completion thinking
    tiered_pricing timeout timeout_by_service_tier tool_choice tools top_logprobs top_p tpm ttl
    turn_off_message_logging use_chat_completions_api use_client use_in_pass_through
    use_litellm_proxy use_xai_oauth user user_continue_message valkey_embedding_field
    valkey_host valkey_password valkey_port valkey_ssl valkey_text_field vector_store_id verbose
    verbosity vertex_credentials vertex_location vertex_project wandb_api_key
    watsonx_region_name weave_project_id web_search_options weight
"""

PROVIDERS = """
    add_generation_prompt add_special_tokens additionalModelRequestFields
    additionalModelResponseFieldPaths allowed_token_ids anthropic_beta auto_truncate background
    bad_words best_of betas cache_control cache_salt cachedContent cached_content
    candidate_count chat_template chat_template_kwargs citation_options citation_quality
    compound_custom connectors container context context_length_exceeded_behavior
    context_management continue_final_message conversation decoder_input_details decoding_method
    deferred deployment_url details dimensions disable_reasoning do_sample documents draft_model
    early_stopping echo enable_search enable_thinking encoding_format examples extra_body
    extra_query f16_kv format generationConfig generation_config googleSearch
    google_search_retrieval guardrailConfig guardrailIdentifier guardrailVersion guided_choice
    guided_decoding_backend guided_grammar guided_json guided_regex guided_whitespace_pattern
    ignore_eos imageConfig image_config images include include_reasoning include_search
    include_stop_str_in_output inferenceConfig inference_geo input_type instructions k
    keep_alive kv_transfer_params labels length_penalty logits_all logits_processors low_vram
    main_gpu max_new_tokens max_output_tokens mcp_servers mediaResolution min_new_tokens min_p
    min_tokens mirostat mirostat_eta mirostat_tau mm_processor_kwargs mock_delay
    mock_testing_content_policy_fallbacks mock_testing_context_fallbacks mock_testing_fallbacks
    mock_testing_rate_limit_error mock_tool_calls models moderation num_batch num_beams
    num_completions num_ctx num_gpu num_keep num_predict num_thread numa options output_config
    output_format p penalize_newline performanceConfig plugins preamble prefix
    previous_response_id priority project_id promptVariables prompt_logprobs prompt_mode
    prompt_truncate_len provider random_seed raw reasoning reasoning_format repeat_last_n
    repeat_penalty repetition_penalty requestMetadata request_id responseMimeType
    responseModalities responseSchema response_schema return_full_text return_images
    return_related_questions return_token_ids return_tokens_as_token_ids route safe_prompt
    safetySettings safety_mode safety_settings search_domain_filter search_mode
    search_parameters search_recency_filter serviceTier shift skip_special_tokens space_id
    spaces_between_special_tokens speechConfig speed stop_sequences stop_token_ids
    structural_tag structured_outputs suffix system systemInstruction task_id task_type template
    text tfs_z think thinkingConfig thinking_budget thinking_token_budget time_limit title
    toolConfig top_a top_k transforms truncate truncate_prompt_tokens truncation typical_p usage
    use_beam_search use_mlock use_mmap vertex_ai_credentials vertex_ai_location
    vertex_ai_project vllm_xargs vocab_only watermark
"""
