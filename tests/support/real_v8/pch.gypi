        ['OS=="linux"', {
          'hard_dependency': 1,
          'dependencies': ['generate_bytecode_builtins_list', 'run_torque'],
          'actions': [{
            'action_name': 'precompile',
            'inputs': ['make_pch.py', '../msvs/pch/v8_pch.h'],
            'outputs': ['<(SHARED_INTERMEDIATE_DIR)/v8.pch'],
            'action': ['<(python)', 'make_pch.py', '<(PRODUCT_DIR)', '<@(_outputs)'],
          }],
          'direct_dependent_settings': {'cflags_cc': ['-include-pch', '<(SHARED_INTERMEDIATE_DIR)/v8.pch']},
        }],
