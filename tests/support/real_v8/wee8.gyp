# SPDX-License-Identifier: Apache-2.0
# Beside node's v8.gyp: the C API, and one archive of all that V8 consists of.
{
  'variables': {
    'V8_ROOT': '../../deps/v8',
    'v8_code': 1,
    'archives': '<(PRODUCT_DIR)/obj/tools/v8_gypfiles',
  },
  'includes': ['toolchain.gypi', 'features.gypi'],
  'targets': [
    {
      'target_name': 'wee8_capi',
      'type': 'static_library',
      'dependencies': [
        'v8.gyp:generate_bytecode_builtins_list',
        'v8.gyp:run_torque',
        'v8.gyp:v8_base_without_compiler',
        'v8.gyp:v8_internal_headers',
        'v8.gyp:v8_pch',
      ],
      'sources': ['<(V8_ROOT)/src/wasm/c-api.cc'],
    },
    {
      'target_name': 'wee8',
      'type': 'none',
      'dependencies': [
        'wee8_capi',
        'v8.gyp:v8_base_without_compiler',
        'v8.gyp:v8_compiler',
        'v8.gyp:v8_libbase',
        'v8.gyp:v8_libplatform',
        'v8.gyp:v8_snapshot',
        'v8.gyp:v8_turboshaft',
        'v8.gyp:v8_zlib',
      ],
      'actions': [{
        'action_name': 'archive',
        'inputs': [
          '<(archives)/libwee8_capi.a',
          '<(archives)/libv8_base_without_compiler.a',
          '<(archives)/libv8_compiler.a',
          '<(archives)/libv8_libbase.a',
          '<(archives)/libv8_libplatform.a',
          '<(archives)/libv8_snapshot.a',
          '<(archives)/libv8_turboshaft.a',
          '<(archives)/libv8_zlib.a',
        ],
        'outputs': ['<(PRODUCT_DIR)/libwee8.a'],
        'action': ['sh', 'archive.sh', '<@(_outputs)', '<@(_inputs)'],
      }],
    },
  ],
}
