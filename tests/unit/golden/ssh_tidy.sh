IFS= read -r qd_nonce; IFS= read -r qd_dir; rm -rf "$qd_dir"; echo "$qd_nonce tidy"
