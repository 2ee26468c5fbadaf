"""The codes of the papers (names are the vendor's, sentences our own)."""

from sandboxes.common.codes import Code, codes

CODES: tuple[Code, ...] = codes(
    [
        ("AuthFailure", "签名或密钥不被接受。"),
        ("AuthFailure.SignatureFailure", "签名错误。"),
        ("AuthFailure.SignatureExpire", "签名过期。"),
        ("AuthFailure.SecretIdNotFound", "密钥不存在。"),
        ("MissingParameter.FlowId", "缺少参数：FlowId"),
        ("MissingParameter.CancelReason", "缺少参数：CancelMessage"),
        ("MissingParameter.ApproverMobile", "缺少参数：ApproverMobile"),
        ("InvalidParameter.FlowFileIds", "FileIds的数量应为1到1"),
        ("InvalidParameter.FlowDeadLine", "签署截止时间不正确"),
        ("InvalidParameter.Mobile", "手机号格式不正确"),
        ("ResourceNotFound.Flow", "合同流程不存在"),
        ("ResourceNotFound.NotExistFlow", "合同流程不存在"),
        ("ResourceNotFound.Resource", "资源不存在"),
        ("OperationDenied.DocumentNoAvailable", "文档合成中，请稍后重试"),
        ("OperationDenied.FlowHasStarted", "流程已发起"),
        ("OperationDenied.FlowCancelForbid", "流程状态不允许撤销"),
        ("OperationDenied.FlowHasTerminated", "流程已终止"),
        ("OperationDenied.FlowStatusForbid", "流程状态不允许此操作"),
        ("OperationDenied.NoQuota", "合同份额不足"),
        ("OperationDenied.NoFlowPermission", "没有此合同的权限"),
        ("OperationDenied.UserNotInOrganization", "用户不在企业中"),
        ("FailedOperation.FlowHasNoDocument", "流程未关联文档"),
        ("FailedOperation.FlowHasDocument", "流程已关联文档"),
        ("RequestLimitExceeded", "请求的次数超过了频率限制。"),
    ]
)
